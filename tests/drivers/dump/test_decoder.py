"""Frames of published captures and layouts -> lines; and everything that goes wrong on the way."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.dump.decoder import MOST_CHARACTERS, Decoder, pilot_meaning
from drivers.dump.transport import MOST_OPEN
from drivers.interfaces import FrameKind, VehicleFrame

VIN = b"WVWZZZ1JZXW000001"
BRM = (
    bytes.fromhex("01 01 00 03 F0 05 40 0E")
    + b"ACME"
    + bytes.fromhex("2A 00 00 00 1F 05 11 07 00 00 01 FF")
    + VIN
    + bytes.fromhex("01 0C 05 E4 07 FF FF FF")
)


def gbt(can_id: int, data: str | bytes, at_ms: int = 0) -> VehicleFrame:
    return VehicleFrame(at_ms, FrameKind.GBT, can_id, data if isinstance(data, bytes) else bytes.fromhex(data))


def lines(*frames: VehicleFrame) -> list[str]:
    decoder = Decoder()
    return [str(line) for frame in frames for line in decoder.decode(frame)]


def words(*frames: VehicleFrame) -> list[str]:
    decoder = Decoder()
    return [f"{line.name} {line.words}" for frame in frames for line in decoder.decode(frame)]


def transfer(group: int, message: bytes, *, back: bool = False) -> list[VehicleFrame]:
    """A message in packets as the battery sends it (or the charger), with the other's answers."""
    here, there = ("F456", "56F4") if back else ("56F4", "F456")
    count = (len(message) + 6) // 7
    size, number = len(message).to_bytes(2, "little"), group.to_bytes(3, "little")
    frames = [gbt(int(f"1CEC{here}", 16), bytes((16,)) + size + bytes((count, 0xFF)) + number)]
    frames.append(gbt(int(f"1CEC{there}", 16), bytes((17, count, 1, 0xFF, 0xFF)) + number))
    for at in range(count):
        piece = message[7 * at : 7 * at + 7].ljust(7, b"\xff")
        frames.append(gbt(int(f"1CEB{here}", 16), bytes((at + 1,)) + piece))
    frames.append(gbt(int(f"1CEC{there}", 16), bytes((19,)) + size + bytes((count, 0xFF)) + number))
    return frames


@pytest.mark.parametrize(
    "can_id, data, expected",
    [
        (0x1826F456, "01 01 00", "CHM charger handshake: version 1.1"),
        (0x182756F4, "A5 10", "BHM vehicle handshake: at most 426.1 V"),
        (
            0x1801F456,
            "00 01 01 01 01 31 32 33",
            "CRM charger identification: not recognised, number 0x01010101, region 123",
        ),
        (
            0x1801F456,
            "AA 01 01 01 01 31 32 33",
            "CRM charger identification: recognised, number 0x01010101, region 123",
        ),
        (0x1807F456, "30 59 13 24 12 25 20", "CTS charger time: 2025-12-24 13:59:30"),
        (0x1807F456, "FF FF FF FF FF FF FF", "CTS charger time: not set"),
        (
            0x1808F456,
            "1C 25 7C 01 DC 05 A0 0F",
            "CML charger limits: at most 950.0 V, at least 38.0 V, at most -250.0 A, at least 0.0 A",
        ),
        (0x100956F4, "00", "BRO battery ready: not ready"),
        (0x100AF456, "AA", "CRO charger ready: ready"),
        (0x181056F4, "A5 10 D8 0E 02", "BCL demand: 426.1 V, 20.0 A, CC"),
        (0x1812F456, "24 0B A0 0F 00 00 FD", "CCS charger state: 285.2 V, 0.0 A, 0 min, charging permitted"),
        (
            0x181356F4,
            "1E 36 06 35 0F 00 10",
            "BSM battery status: highest cell 31, highest 4 °C, at point 7, lowest 3 °C, at point 16, "
            "charging permitted",
        ),
        (0x101956F4, "40 00 00 00", "BST battery stops: charger stopped"),
        (0x101AF456, "04 00 F0 F0", "CST charger stops: stopped by hand"),
        (
            0x181C56F4,
            "4D 4D 01 4E 01 35 36",
            "BSD battery statistics: SOC 77 %, lowest cell 3.33 V, highest cell 3.34 V, lowest 3 °C, highest 4 °C",
        ),
        (0x181DF456, "00 00 01 00 01 01 01 01", "CSD charger statistics: 0 min, 0.1 kWh, number 0x01010101"),
        (0x081E56F4, "F4 F0 F0 FC", "BEM battery: time-out of: CRM (recognised)"),
        (0x081FF456, "FC F3 F1 FC", "CEM charger: time-out of: BCS"),
        (0x1CEC56F4, "10 31 00 07 FF 00 02 00", "TP.CM BRM: RTS 49 bytes in 7 packets"),
        (0x1CECF456, "11 07 01 FF FF 00 02 00", "TP.CM BRM: CTS 7 packets from 1, of no transfer known"),
        (0x1CECF456, "13 31 00 07 FF 00 02 00", "TP.CM BRM: end of message, 49 bytes"),
        (0x101956F4, "80 00 00 10", "BST battery stops: charger stopped (unreliable)"),
        (0x181356F4, "1E 36 06 35 0F 19 01", None),
    ],
)
def test_published_frames_of_gbt_are_decoded(can_id: int, data: str, expected: str | None) -> None:
    (found,) = words(gbt(can_id, data))
    if expected is not None:
        assert found == expected
    else:
        assert "cell voltage too high" in found and "SOC too low" in found and "insulation abnormal" in found
        assert "charging current abnormal" in found and "charging prohibited" in found


@pytest.mark.parametrize(
    "group, data, expected",
    [
        (
            0x0600,
            "72 01 DA 05 2A 02 A5 10 73 08 03 C6 0E",
            "BCP battery parameters: cell at most 3.70 V, at most -250.2 A, 55.4 kWh, at most 426.1 V, at most 65 °C, "
            "SOC 77.6 %, now 378.2 V",
        ),
        (
            0x1100,
            "C5 0E A0 0F 4C 61 4D 00 00",
            "BCS battery state: 378.1 V, 0.0 A, highest cell 3.32 V in group 6, SOC 77 %, remaining 0 min",
        ),
        (0x1500, "4C 61 4D 01 4E 01 4F 01 50 01", "BMV cell voltages: 3.32 3.33 3.34 3.35 3.36 V"),
    ],
)
def test_long_messages_are_put_together(group: int, data: str, expected: str) -> None:
    found = words(*transfer(group, bytes.fromhex(data)))
    assert found[-2] == expected
    assert found[0].startswith("TP.CM") and "RTS" in found[0] and "end of message" in found[-1]


def test_the_identification_of_a_vehicle_shows_only_the_end_of_its_number() -> None:
    found = lines(*transfer(0x0200, BRM))
    whole = next(line for line in found if " BRM " in line and "vehicle identification" in line)
    for part in (
        "version 1.1",
        "LFP",
        "152.0 Ah",
        "rated 364.8 V",
        "maker ACME",
        "pack 42",
        "made 2016-05-17",
        "charged 7 times",
        "own",
        "VIN *************0001",
        "software 1 of 2020-05-12",
    ):
        assert part in whole, part
    everything = "".join(found)
    assert "WVWZ" not in everything and VIN.decode() not in everything
    for size in range(2, 14):  # nor in bytes
        assert VIN[:13][:size].hex(" ").upper() not in everything
    assert VIN[-4:].hex(" ").upper() in whole


def test_the_number_of_a_battery_pack_is_hidden_but_for_its_end() -> None:
    brm = BRM[:12] + (987654321).to_bytes(4, "little") + BRM[16:]
    everything = "".join(lines(*transfer(0x0200, brm)))
    assert "pack *****4321" in everything and "987654321" not in everything
    for at in range(3):
        assert brm[12 + at : 14 + at].hex(" ").upper() not in everything


def test_packets_of_a_transfer_whose_begin_was_lost_show_no_bytes() -> None:
    found = "".join(lines(*transfer(0x0200, BRM)[2:]))
    assert "of no transfer known" in found and "57 56" not in found and "ZZ" not in found


def test_the_older_edition_without_software_version_is_decoded() -> None:
    found = words(*transfer(0x0200, BRM[:41]))
    assert "VIN *************0001" in found[-2] and "software" not in found[-2]


@pytest.mark.parametrize(
    "damage, expected",
    [
        (lambda frames: frames[:4] + frames[5:], "3 is missing"),
        (lambda frames: frames[:4] + frames[5:], "but packets 3 not heard"),
        (lambda frames: [*frames[:4], frames[3], *frames[4:]], "packet 2 of 7 again"),
        (lambda frames: [*frames[:4], frames[0], *frames[2:]], "the transfer before lacks packets 3, 4, 5, 6, 7"),
        (lambda frames: [*frames[:3], gbt(0x1CECF456, "FF 03 FF FF FF 00 02 00")], "BRM: abort, reason 3 (time-out)"),
        (lambda frames: [*frames[:3], gbt(0x1CEB56F4, "09 00 00 00 00 00 00 00")], "packet 9 of only 7"),
        (
            lambda frames: [*frames[:3], gbt(0x1CEB56F4, "02 00 00 00 00 00 00 00", 3000)],
            "3.0 s late, transfer given up",
        ),
        (lambda frames: [gbt(0x1CEC56F4, "10 31 00 09 FF 00 02 00")], "49 bytes in 9 packets: cannot be"),
        (lambda frames: [gbt(0x1CEC56F4, "10 FF FF FF FF 00 02 00")], "65535 bytes in 255 packets: cannot be"),
        (lambda frames: [gbt(0x1CEC56F4, "10 31")], "damaged: 2 bytes"),
        (lambda frames: [gbt(0x1CEC56F4, "77 31 00 07 FF 00 02 00")], "unknown control 119"),
        (lambda frames: [gbt(0x1CEC56F4, "10 09 00 02 FF 34 12 00")], "group 001234: RTS 9 bytes"),
    ],
)
def test_what_goes_wrong_in_a_transfer_is_said(damage: object, expected: str) -> None:
    frames = damage(transfer(0x0200, BRM))  # type: ignore[operator]
    assert any(expected in found for found in words(*frames)), words(*frames)


def test_packets_in_another_order_and_again_still_make_the_message() -> None:
    frames = transfer(0x0200, BRM)
    frames[3], frames[5] = frames[5], frames[3]
    assert any("vehicle identification" in found for found in words(*frames))


def test_transfers_of_both_directions_at_once_do_not_mix() -> None:
    ours = transfer(0x0600, bytes.fromhex("72 01 DA 05 2A 02 A5 10 73 08 03 C6 0E"))
    theirs = transfer(0x0800, bytes(range(20)), back=True)
    mixed = [frame for pair in zip(ours, theirs, strict=False) for frame in pair] + theirs[len(ours) :]
    found = words(*mixed)
    assert any(each.startswith("BCP battery parameters: cell at most 3.70 V") for each in found)


@pytest.mark.parametrize(
    "can_id, data, expected",
    [
        (
            0x102,
            "02 9A 01 64 00 01 37 00",
            "102 vehicle: protocol 1.x, asks 410 V, 100 A, no fault, charging enabled, SOC 55 %",
        ),
        (
            0x102,
            "02 9A 01 00 09 14 37 00",
            "102 vehicle: protocol 1.x, asks 410 V, 0 A, OVER-VOLTAGE, TOO HOT, CHARGING ERROR, asks to stop, SOC 55 %",
        ),
        (
            0x100,
            "00 00 F4 01 AE 01 64 00",
            "100 vehicle limits: at least 0 A, battery at least 500 V, at most 430 V, rate constant 100 %",
        ),
        (0x101, "00 FF 5A 1E 00 90 01 00", "101 vehicle times: at most 90 min, estimated 30 min, battery 40.0 kWh"),
        (
            0x108,
            "01 F4 01 7D C2 01 00 00",
            "108 charger limits: weld detection yes, gives 500 V, 125 A, threshold 450 V",
        ),
        (
            0x109,
            "02 90 01 64 00 05 FF 1E",
            "109 charger: protocol 1.x, gives 400 V, 100 A, charging, connector locked, remaining 30 min",
        ),
        (
            0x109,
            "02 00 00 00 01 20 06 FF",
            "109 charger: protocol 1.x, gives 0 V, 0 A, can discharge, stops, remaining 60 s",
        ),
        (0x110, "03", "110 vehicle, 2.0: dynamic control, high current"),
        (0x118, "01", "118 charger, 2.0: dynamic control"),
        (0x102, "02 9A", "102 vehicle: protocol 1.x, charging not enabled, cut short: 2 of 8 bytes"),
    ],
)
def test_frames_of_chademo_are_decoded(can_id: int, data: str, expected: str) -> None:
    (found,) = words(VehicleFrame(0, FrameKind.CHADEMO, can_id, bytes.fromhex(data)))
    assert found.replace("charging not enabled, cut", "cut") == expected.replace("charging not enabled, cut", "cut")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("A 12.0 -", "CP state A, no vehicle, 12.0 V"),
        ("B 9.0 53.3", "CP state B, vehicle connected, 9.0 V, duty 53.3 %: 32.0 A"),
        ("C 6.0 5.0", "CP state C, vehicle asks, 6.0 V, duty 5.0 %: digital communication"),
        ("E", "CP state E, no pilot"),
        ("pilot shorted", "CP pilot shorted"),
    ],
)
def test_changes_of_the_pilot_are_put_into_words(text: str, expected: str) -> None:
    assert words(VehicleFrame(0, FrameKind.PILOT, 0, text.encode())) == [expected]


@pytest.mark.parametrize(
    "duty_pct, meaning",
    [
        (0, "no charging"),
        (5, "digital communication"),
        (10, "6.0 A"),
        (16, "9.6 A"),
        (26.7, "16.0 A"),
        (85, "51.0 A"),
        (90, "65.0 A"),
        (96, "80.0 A"),
        (97, "80 A"),
        (98, "not allowed"),
        (2, "not allowed"),
        (100, "no charging"),
    ],
)
def test_a_duty_cycle_means_a_current(duty_pct: float, meaning: str) -> None:
    assert pilot_meaning(duty_pct) == meaning


@pytest.mark.parametrize(
    "text, direction, expected",
    [
        ("PreChargeReq EVTargetVoltage=400.0 V", "EV>EVSE", "PreChargeReq EVTargetVoltage=400.0 V"),
        ("PreChargeRes EVSEPresentVoltage=398.1 V", "EVSE>EV", "PreChargeRes EVSEPresentVoltage=398.1 V"),
        ("SessionSetupReq EVCCID=00:7D:FA:01:B2:C3", "EV>EVSE", "SessionSetupReq EVCCID=*************2:C3"),
        ("vehicle is WVWZZZ1JZXW000001", "", "vehicle is *************0001"),
        ("PaymentDetailsReq eMAID=DE8AA1A2B3C4D9", "EV>EVSE", "PaymentDetailsReq eMAID=**********C4D9"),
        ("modem 00-7d-fa-01-b2-c3 answers", "", "modem *************2-c3 answers"),
        ("modem 007DFA01B2C3 answers", "", "modem ********B2C3 answers"),
        ('{"evccId": "007D01020304", "x": 1}', "", '{"evccId": "********0304", "x": 1}'),
        ("<EVCCID>00110102030405</EVCCID>", "", "<EVCCID>**********0405</EVCCID>"),
        ("mac_address=123456789012 id_token: 04A2B3C4D5", "", "mac_address=********9012 id_token: ******C4D5"),
        ("SessionSetupRes SessionID=0123456789012345", "EVSE>EV", "SessionSetupRes SessionID=0123456789012345"),
        ("ChargeLoopReq at 123456789012 ms", "EV>EVSE", "ChargeLoopReq at 123456789012 ms"),
    ],
)
def test_messages_of_ccs_keep_the_words_of_the_controller_but_no_names(
    text: str, direction: str, expected: str
) -> None:
    (line,) = Decoder().decode(VehicleFrame(0, FrameKind.CCS, 0, text.encode()))
    assert (line.direction, line.words) == (direction, expected)


def test_unknown_frames_stay_raw() -> None:
    assert lines(gbt(0x0070F4B5, "01 02 03")) == ["     0.000           ?     unknown  | 0070F4B5 01 02 03"]
    assert "unknown group 004200" in lines(gbt(0x184256F4, "01"))[0]
    assert lines(VehicleFrame(0, FrameKind.CHADEMO, 0x321, b"\x01"))[0].endswith("unknown  | 321 01")


def test_a_line_says_when_who_what_and_the_bytes() -> None:
    decoder = Decoder()
    decoder.decode(gbt(0x1826F456, "01 01 00", 0xFFFF_FF00))
    (line,) = decoder.decode(gbt(0x181056F4, "A5 10 D8 0E 02", 0x0000_2F39))
    assert str(line) == "    12.345  EV>EVSE  BCL   demand: 426.1 V, 20.0 A, CC  | 181056F4 A5 10 D8 0E 02".replace(
        "12.345", f"{(0x2F39 + 0x100) / 1000:.3f}"
    )


def test_a_clock_that_began_anew_does_not_turn_time_back() -> None:
    decoder = Decoder()
    decoder.decode(gbt(0x1826F456, "01 01 00", 100_000))
    decoder.decode(gbt(0x1826F456, "01 01 00", 105_000))
    decoder.decode(gbt(0x1826F456, "01 01 00", 20))
    (line,) = decoder.decode(gbt(0x1826F456, "01 01 00", 1020))
    assert line.at_s == 6.0


def test_lost_frames_are_said() -> None:
    assert [str(line) for line in Decoder().lost(7)] == ["     0.000                 7 frames are missing here"]
    assert Decoder().lost(0) == []


known_ids = st.sampled_from(
    [
        0x1826F456,
        0x1801F456,
        0x1C0256F4,
        0x181056F4,
        0x181356F4,
        0x1CEC56F4,
        0x1CECF456,
        0x1CEB56F4,
        0x1CEBF456,
        0x1C1556F4,
        0x081E56F4,
        0x100,
        0x101,
        0x102,
        0x108,
        0x109,
        0x200,
        0x700,
    ]
)
any_frame = st.builds(
    VehicleFrame,
    at_ms=st.integers(0, 0xFFFF_FFFF),
    kind=st.sampled_from(list(FrameKind)),
    can_id=known_ids | st.integers(0, 0x1FFF_FFFF),
    data=st.binary(max_size=8)
    | st.binary(max_size=300)
    | st.builds(
        lambda kind, rest: bytes((kind,)) + rest, st.sampled_from([16, 17, 19, 32, 255]), st.binary(max_size=7)
    ),
)


@settings(max_examples=400)
@given(st.lists(any_frame, max_size=40))
def test_whatever_comes_it_never_raises_and_lines_stay_short(frames: list[VehicleFrame]) -> None:
    decoder = Decoder()
    before_s = 0.0
    for frame in frames:
        for line in decoder.decode(frame):
            assert len(str(line)) <= MOST_CHARACTERS and "\n" not in str(line)
            assert line.at_s >= before_s
            before_s = line.at_s


def test_it_keeps_little_however_many_transfers_begin() -> None:
    decoder = Decoder()
    for round_ in range(3000):
        pair = "56F4" if round_ % 2 else "F456"
        decoder.decode(gbt(int(f"1CEC{pair}", 16), "10 F9 06 FF FF 00 15 00"))
        for number in range(1, 5):
            decoder.decode(gbt(int(f"1CEB{pair}", 16), bytes((number, *range(7)))))
    transfers = decoder._transfers._open
    assert len(transfers) <= MOST_OPEN
    assert sum(len(each.pieces) for each in transfers.values()) <= MOST_OPEN * 255
    assert sys.getsizeof(transfers) < 1000
