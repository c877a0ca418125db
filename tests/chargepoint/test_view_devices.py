"""Ports and devices as tables of a terminal."""

from __future__ import annotations

import io

from rich.console import Console

from chargepoint.commands import view_devices
from chargepoint.messages import DeviceState, InstalledState, PortState, ReaderState, State
from drivers.interfaces import Identity

PORT = PortState(
    name="rs485", is_open=True, requests=1000, answers=990, no_answer=8, bad_frame=2,
    errors={"check sum": 2, "no answer": 8}, p50_ms=12.2, p99_ms=30.7, frames=("1.000 > 01 03", "1.010 < 01 83"),
)  # fmt: skip
METER = DeviceState(
    kind="meter", name="m1", driver="eastron", port="rs485", address=2, is_answering=True, requests=10, answers=10,
    identity=Identity(vendor="Eastron", model="SDM630", serial="222", firmware_version="1.2"),
)  # fmt: skip


def shown(*states: State, frames_of: str = "") -> str:
    console = Console(file=io.StringIO(), width=220)
    console.print(view_devices.whole({str(number): state for number, state in enumerate(states)}, frames_of))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_port_shows_what_went_wrong_and_how_fast_it_is() -> None:
    text = shown(PORT)
    for word in ("rs485", "open", "1000", "99.0 %", "8 no answer, 2 check sum", "12 ms", "31 ms"):
        assert word in text


def test_a_can_bus_says_how_busy_it_is() -> None:
    bus = PortState(
        name="can", kind="can", is_open=True, requests=0, answers=0, no_answer=0, bad_frame=0, load_pct=41.7
    )
    assert "open, 42 % busy" in shown(bus)
    assert "busy" not in shown(PORT)


def test_a_closed_port_says_why() -> None:
    assert "/dev/ttyUSB0 does not exist" in shown(
        PortState(
            name="a",
            is_open=False,
            requests=0,
            answers=0,
            no_answer=0,
            bad_frame=0,
            error="/dev/ttyUSB0 does not exist",
        )
    )


def test_a_device_shows_who_it_is_and_whether_it_answers() -> None:
    text = shown(METER)
    for word in ("meter m1", "eastron", "rs485, 2", "answers", "Eastron SDM630 s/n 222 fw 1.2", "100.0 %"):
        assert word in text


def test_what_happens_without_us_is_told_of_devices_that_switch() -> None:
    assert "opens" not in shown(METER)
    relay = DeviceState(kind="io", name="k", driver="icpdas", port="p", address=3, is_answering=True)
    assert "opens" in shown(relay)


def test_a_silent_device_says_its_last_error_and_an_exchanged_one_who_was_there() -> None:
    silent = DeviceState(
        kind="io",
        name="k",
        driver="icpdas",
        port="rs485",
        address=3,
        is_answering=False,
        last_error="no answer within 0.2 s",
    )
    assert "no answer within 0.2 s" in shown(silent)
    assert "(was 111)" in shown(
        DeviceState(
            kind="meter", name="m1", driver="eastron", port="rs485", address=2, is_answering=True,
            identity=Identity(serial="222"), expected_serial="111",
        )
    )  # fmt: skip


def test_differences_are_listed_and_their_absence_is_said() -> None:
    assert "serial number 222 instead of 111" in shown(
        InstalledState(is_complete=True, differences=("meter 'm1': serial number 222 instead of 111",))
    )
    assert "All devices are those" in shown(InstalledState(is_complete=True))
    assert "not said yet" in shown(InstalledState(is_complete=False))


def test_connectors_come_first_and_numbers_in_their_order() -> None:
    devices = [
        DeviceState(kind=kind, name=name, driver="native", port="p", address=1, is_answering=True)
        for kind, name in (("meter", "dc-10"), ("meter", "dc-2"), ("connector", "10"), ("connector", "2"))
    ]
    text = shown(*devices)
    names = ["connector 2", "connector 10", "meter dc-2", "meter dc-10"]
    assert sorted(names, key=text.index) == names


def test_the_last_frames_of_a_port_are_shown_when_asked_for() -> None:
    assert "01 03" not in shown(PORT)
    assert "1.010 < 01 83" in shown(PORT, frames_of="rs485")
    assert "there is no port 'other'" in shown(PORT, frames_of="other")


def test_what_a_device_says_cannot_disturb_the_terminal() -> None:
    evil = DeviceState(
        kind="meter", name="m1", driver="eastron", port="p", address=2, is_answering=False, last_error="\x1b[2Jgone"
    )
    assert "\x1b" not in shown(evil)


def test_a_card_reader_shows_who_it_is_and_how_often_it_failed() -> None:
    reader = ReaderState(
        name="front", is_answering=True, cards=3, driver="pn532", place="/dev/ttyAMA1", polls=200, errors=2, refused=1,
        identity=Identity(vendor="NXP", model="PN532", firmware_version="1.6"),
    )  # fmt: skip
    text = shown(reader)
    for word in (
        "reader front",
        "/dev/ttyAMA1",
        "answers, 3 cards",
        "NXP PN532 fw 1.6",
        "99.0 %",
        "2 failed, 1 no card",
    ):
        assert word in text
    silent = ReaderState(name="front", is_answering=False, cards=0, error="no PC/SC reader fits '*'")
    assert "no PC/SC reader fits '*'" in shown(silent)
