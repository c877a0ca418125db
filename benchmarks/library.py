"""The reference for calls: a client of the Python `ocpp` library. `python -m benchmarks.library URL`, until it is left.

It checks requests and answers against its JSON schemas, as any client made of it does.
"""

from __future__ import annotations

import asyncio
import sys

from ocpp.routing import on  # type: ignore[import-untyped]
from ocpp.v16 import ChargePoint, call_result  # type: ignore[import-untyped]
from ocpp.v16.enums import Action  # type: ignore[import-untyped]
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from benchmarks.echo import ANSWER


class Client(ChargePoint):  # type: ignore[misc]
    """Answers GetConfiguration as the bare client does."""

    @on(Action.get_configuration)  # type: ignore[untyped-decorator]
    def get_configuration(self, **_request: object) -> call_result.GetConfiguration:
        return call_result.GetConfiguration(configuration_key=ANSWER["configurationKey"])


async def answer(url: str) -> None:
    """Serve one connection."""
    async with connect(url, subprotocols=[Subprotocol("ocpp1.6")], compression=None, ping_interval=None) as link:
        await Client("bare", link).start()


if __name__ == "__main__":
    asyncio.run(answer(sys.argv[1]))
