"""The protocol's documentation is what the object dictionary says."""

from __future__ import annotations

import re

import pytest

from drivers.codecs.modbus import Carrier
from drivers.codecs.modbus_server import Server
from drivers.interfaces import HardwareFlag
from drivers.native import documentation
from drivers.native.codes import CAUSE_CODES, STATUS_CODES, Command, OrderResult
from drivers.native.objects import BLOCKS, RESERVED
from tests.drivers.devices import Controller


@pytest.mark.parametrize("name", documentation.files())
def test_the_written_file_is_up_to_date(name: str) -> None:
    written = (documentation.FOLDER / name).read_text(encoding="utf-8")
    assert written == documentation.files()[name], "run python -m drivers.native.documentation"


def test_every_object_and_word_is_in_it() -> None:
    text = documentation.modbus_map()
    for block in BLOCKS:
        for each in block.objects:
            assert f"| 0x{each.index:04X}" in text and f"`{each.name}`" in text
    for word in (*STATUS_CODES, *CAUSE_CODES, *(c.name for c in Command), *(r.name for r in OrderResult)):
        assert re.search(rf"\| `?{word}`? \|", text), word
    assert all(flag.name in text for flag in HardwareFlag if flag.name)
    assert all(f"0x{first:04X}..0x{last:04X}" in text for first, last, _ in RESERVED.values())


def test_the_examples_can_be_sent_to_a_controller() -> None:
    device = Controller()
    server = Server(Carrier.RTU, {1: device})
    text = documentation.modbus_map()
    frames = re.findall(r"station {5}([0-9A-F \n]+?)\ncontroller", text)
    requests = [bytes.fromhex("".join(frame.split())) for frame in frames]
    assert len(requests) == 7
    for number, frame in enumerate(requests):
        assert len(server.feed(frame, float(number))) == 1
    assert device.done == [Command.START, Command.STOP, Command.UNLOCK]
