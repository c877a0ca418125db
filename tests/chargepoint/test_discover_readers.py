"""Card readers are found, and stand in the proposed station file."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from chargepoint import discovery as discover
from chargepoint.proposal import WirePart, proposed
from drivers import discovery
from drivers.discovery import Found, LookingPort
from drivers.errors import NoAnswer
from drivers.readers import pcsc
from drivers.simulated import faces
from drivers.simulated.devices import DevicePart
from drivers.simulated.reader_field import CardField
from drivers.simulated.wire import Line
from tests.drivers.wires import attach

ACR = "ACS ACR1252 Dual Reader [ACR1252 Dual Reader PICC] 00 00"


@pytest.mark.parametrize(("driver", "model"), [("pn532", "PN532"), ("twn4", "TWN4")])
async def test_a_polled_reader_is_found_on_its_line(driver: str, model: str) -> None:
    line = Line()
    face: Any = faces.find("reader", driver)
    attach(line, 0, face(CardField("front"), DevicePart(kind="reader", name="front", driver=driver)))
    found: list[Found] = []
    wanted = discovery.candidates("serial", ("readers",))
    error = await discovery.search_serial(
        "usb", lambda _line: LookingPort("usb", line.wire()), discovery.lines(wanted)[:3], wanted, (), found.append,
        lambda text: None,
    )  # fmt: skip
    line.close()
    assert (error, [(each.kind, each.driver, each.identity.model) for each in found]) == (
        "",
        [("readers", driver, model)],
    )
    document = tomllib.loads(proposed([WirePart(name="usb", device="/dev/ttyUSB0", line=found[0].line)], found))
    assert document["reader"] == [{"name": "reader-1", "driver": driver, "port": "usb"}]
    assert document["port"][0]["device"] == "/dev/ttyUSB0"


def test_readers_of_the_pcsc_service_are_proposed_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcsc, "present_readers", lambda: (ACR, "ACS ACR1252 Dual Reader [SAM] 01 00", "X" * 70))
    found = discover.pcsc_readers()
    assert str(found[0]) == f"PC/SC: {ACR} (driver pcsc)"
    document = tomllib.loads(proposed([], found))
    assert [each["options"]["reader"] for each in document["reader"]] == [ACR, "X" * 64 + "*"]


def test_without_a_pcsc_service_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> tuple[str, ...]:
        raise NoAnswer("Service not available.")

    monkeypatch.setattr(pcsc, "present_readers", none)
    assert discover.pcsc_readers() == []
