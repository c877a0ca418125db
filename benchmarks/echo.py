"""The other end of references: `python -m benchmarks.echo socket FD`, `... websocket URL`; runs until it is left.

`socket` sends back each length-prefixed frame, `websocket` answers each OCPP call with the same small result. Neither
looks at what it got.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys

from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

ANSWER = {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}]}


def echo_frames(descriptor: int) -> None:
    """Send back what comes, piece by piece."""
    with socket.socket(fileno=descriptor) as end:
        while data := end.recv(65_536):
            end.sendall(data)


async def answer_calls(url: str) -> None:
    """A client that answers everything at once."""
    async with connect(url, subprotocols=[Subprotocol("ocpp1.6")], compression=None, ping_interval=None) as link:
        async for text in link:
            await link.send(json.dumps([3, json.loads(text)[1], ANSWER]))


if __name__ == "__main__":
    what, where = sys.argv[1:]
    if what == "socket":
        echo_frames(int(where))
    else:
        asyncio.run(answer_calls(where))
