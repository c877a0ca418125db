"""DataTransfer: what vendors' handlers answer, and what becomes of those that fail."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from ocpp_client.frames import INTERNAL_ERROR
from ocpp_client.rpc import CallFault
from ocpp_client.v16.data_transfer import ANSWER_S, MAX_DATA, UnknownMessage, VendorHandler, answer


async def echo(message_id: str, data: str) -> tuple[str, str]:
    if message_id != "echo":
        raise UnknownMessage
    return ("Accepted", data) if data != "no" else ("Rejected", "")


HANDLERS: dict[str, VendorHandler] = {"com.example": echo}


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"vendorId": "com.example", "messageId": "echo", "data": "hello"}, {"status": "Accepted", "data": "hello"}),
        ({"vendorId": "COM.Example", "messageId": "echo"}, {"status": "Accepted"}),
        ({"vendorId": "com.example", "messageId": "echo", "data": "no"}, {"status": "Rejected"}),
        ({"vendorId": "com.example", "messageId": "sing"}, {"status": "UnknownMessageId"}),
        ({"vendorId": "com.example"}, {"status": "UnknownMessageId"}),
        ({"vendorId": "org.nobody", "messageId": "echo"}, {"status": "UnknownVendorId"}),
    ],
)
async def test_a_message_goes_to_its_vendors_handler(payload: dict[str, Any], expected: dict[str, Any]) -> None:
    assert await answer(payload, HANDLERS) == expected


@pytest.mark.parametrize(
    "found", [None, "Accepted", ("Accepted",), ("Maybe", ""), ("Accepted", None), ("Accepted", "x" * (MAX_DATA + 1))]
)
async def test_a_handler_that_answers_nonsense_is_an_internal_error(
    found: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def odd(_message_id: str, _data: str) -> Any:
        return found

    with pytest.raises(CallFault) as caught:
        await answer({"vendorId": "odd"}, {"odd": odd})
    assert caught.value.code == INTERNAL_ERROR
    assert "'odd'" in caplog.text


async def test_a_handler_that_raises_is_an_internal_error() -> None:
    async def broken(_message_id: str, _data: str) -> tuple[str, str]:
        raise ZeroDivisionError

    with pytest.raises(CallFault, match="failed"):
        await answer({"vendorId": "broken"}, {"broken": broken})


async def test_a_handler_that_hangs_is_given_up() -> None:
    async def hanging(_message_id: str, _data: str) -> tuple[str, str]:
        await asyncio.Event().wait()
        return "Accepted", ""

    begun_s = asyncio.get_running_loop().time()
    with pytest.raises(CallFault, match="in time"):
        await answer({"vendorId": "slow"}, {"slow": hanging})
    assert asyncio.get_running_loop().time() - begun_s == pytest.approx(ANSWER_S, abs=0.1)


@pytest.mark.ocpp("5.6-message", "5.6-handled", "DataTransfer.server")
async def test_the_handler_in_the_documentation_works() -> None:
    text = (Path(__file__).parents[2] / "docs" / "ocpp.md").read_text(encoding="utf-8")
    _, _, rest = text.partition("## DataTransfer")
    _, _, code = rest.partition("```python\n")
    names: dict[str, Any] = {}
    exec(code.partition("```")[0], names)
    handlers = {"com.example": names["handle"]}

    async def answered(**fields: str) -> dict[str, Any]:
        return await answer({"vendorId": "com.example", **fields}, handlers)

    assert await answered(messageId="Greeting", data="you") == {"status": "Accepted", "data": "hello you"}
    assert await answered(messageId="Greeting") == {"status": "Rejected"}
    assert await answered(messageId="Farewell") == {"status": "UnknownMessageId"}
