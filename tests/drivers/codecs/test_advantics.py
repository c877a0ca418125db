"""Frames of the Advantics generic EVSE interface."""

from __future__ import annotations

import pytest

from drivers.codecs import advantics as adv

POWER = adv.PowerCommand(adv.Function.TRANSFER, 400.0, 125.0, 0.0, is_closed=True)
VECTORS = [
    ("power command", adv.encoded_power(POWER), "A0 0F E2 04 00 00 48"),
    (
        "supply status",
        adv.encoded_supply(adv.SupplyStatus(400.5, 50.5, 45, 30, True, 500)),
        "A5 0F F9 01 55 46 01 FA",
    ),
    ("limits", adv.encoded_limits(adv.SupplyLimits(1000.0, 150.0)), "10 27 DC 05 00 00 00 00"),
    ("start authorised", adv.encoded_sequence(adv.SequenceFlags(start_authorised=True)), "01 00 00"),
    (
        "authorisation done and valid",
        adv.encoded_sequence(
            adv.SequenceFlags(start_authorised=True, authorisation_done=True, authorisation_valid=True)
        ),
        "01 03 00",
    ),
]


@pytest.mark.parametrize(("what", "data", "expected"), VECTORS, ids=[each[0] for each in VECTORS])
def test_published_frames(what: str, data: bytes, expected: str) -> None:
    assert data == bytes.fromhex(expected)


def test_what_one_side_writes_the_other_reads() -> None:
    assert adv.decoded_power(adv.encoded_power(POWER)) == POWER
    supply = adv.SupplyStatus(812.3, -2.5, 55, -12, False, 98)
    assert adv.decoded_supply(adv.encoded_supply(supply)) == supply
    limits = adv.SupplyLimits(1000.0, 150.0, 0.0, -20.0)
    assert adv.decoded_limits(adv.encoded_limits(limits)) == limits
    flags = adv.SequenceFlags(True, True, True, True, True, True)
    assert adv.decoded_sequence(adv.encoded_sequence(flags)) == flags
    assert adv.decoded_pilot(adv.encoded_pilot(adv.Pilot.C, 5.0)) == (adv.Pilot.C, 5.0)
    battery = adv.Battery(77, 42, 10, 80, 100)
    assert adv.decoded_battery(adv.encoded_battery(battery)) == battery
    voltages = adv.Voltages(250.0, 460.5, 390.1)
    assert adv.decoded_voltages(adv.encoded_voltages(voltages)) == voltages
    of_vehicle = adv.ChargeLimits(5.0, 250.0, 1, 120)
    assert adv.decoded_limits_of_vehicle(adv.encoded_limits_of_vehicle(of_vehicle)) == of_vehicle
    for which in (adv.BOARD_CUI1, adv.BOARD_SECC, adv.BOARD_SPCC):
        board = adv.Board(61.0, 33.0, None)
        assert adv.decoded_board(which, adv.encoded_board(which, board)) == board


def test_shorter_frames_of_older_controllers_are_read() -> None:
    assert adv.decoded_battery(bytes.fromhex("4D 00 2A")) == adv.Battery(77, 42)
    assert adv.decoded_voltages(bytes.fromhex("C4 09 FC 11")) == adv.Voltages(250.0, 460.4, 0.0)


def test_a_limit_of_nothing_is_never_sent_as_0_which_would_lift_it() -> None:
    assert adv.encoded_limits(adv.SupplyLimits(1000.0, 0.0))[2:4] == b"\x01\x00"
    assert adv.encoded_limits(adv.SupplyLimits(1000.0, 99.99))[2:4] == (999).to_bytes(2, "little")


@pytest.mark.parametrize(("kohm", "raw"), [(99.9, 49), (100.0, 50), (0.0, 0), (-5.0, 0), (510.0, 255), (9e9, 255)])
def test_insulation_is_never_told_better_than_measured(kohm: float, raw: int) -> None:
    assert adv.encoded_supply(adv.SupplyStatus(0, 0, 20, 20, True, kohm))[7] == raw


@pytest.mark.parametrize(
    ("decode", "data"),
    [
        (adv.decoded_state, b""),
        (adv.decoded_state, b"\x20"),
        (adv.decoded_power, bytes(6)),
        (adv.decoded_power, bytes.fromhex("A0 0F E2 04 00 00 43")),
        (adv.decoded_pilot, b"\x07\x00\x00"),
        (adv.decoded_battery, b"\x01"),
        (adv.decoded_supply, bytes(7)),
    ],
)
def test_frames_that_are_too_short_or_unknown_are_refused(decode, data: bytes) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"."):
        decode(data)


def test_the_identifiers_of_a_pistol_follow_its_index() -> None:
    assert adv.frame(adv.PISTOL, adv.POWER, b"").can_id == 0x6B003
    assert adv.frame(adv.PISTOL, adv.SUPPLY, b"").can_id == 0x63000
    assert adv.frame(4, adv.SUPPLY, b"").can_id == 0x64000
