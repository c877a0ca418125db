"""Bytes of each reader: published sequences, damage, and whatever else may come over a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.codecs import em4100, pn532, twn4, wiegand
from drivers.codecs.pn532 import Command, Frame, Mark
from drivers.codecs.wiegand import Bits, BitsAt, Lines, Sends
from drivers.readers.atr import is_damaged, kind_of
from drivers.readers.numbers import Family

HOSTILE = (
    b"' OR 1=1; DROP TABLE session;--\r\n",
    b"\x00\x00\x00\r",
    b"\x1b[2J\x1b]0;x\x07\n",
    b"A" * 4096,
    b"\xff\xfe\xc3\x28\r\n",
    b"READY\n",
    b"050010\r",
    b"04A2B\r\n",
    "٠٤\r\n".encode(),
)


def hexed(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize(
    ("command", "data", "frame"),
    [
        (Command.GET_FIRMWARE_VERSION, b"", "00 00 FF 02 FE D4 02 2A 00"),
        (Command.SAM_CONFIGURATION, pn532.SAM_NORMAL, "00 00 FF 05 FB D4 14 01 00 01 16 00"),
        (Command.SAM_CONFIGURATION, hexed("01 14 01"), "00 00 FF 05 FB D4 14 01 14 01 02 00"),
        (Command.IN_LIST_PASSIVE_TARGET, pn532.poll_type_a(), "00 00 FF 04 FC D4 4A 01 00 E1 00"),
        (Command.RF_CONFIGURATION, pn532.FEW_RETRIES, "00 00 FF 06 FA D4 32 05 FF 01 10 E5 00"),
        (Command.RF_CONFIGURATION, pn532.FIELD_OFF, "00 00 FF 04 FC D4 32 01 00 F9 00"),
        (Command.IN_RELEASE, pn532.RELEASE_ALL, "00 00 FF 03 FD D4 52 00 DA 00"),
    ],
)
def test_commands_to_a_pn532(command: Command, data: bytes, frame: str) -> None:
    assert pn532.encode(bytes((command,)) + data) == hexed(frame)


@pytest.mark.parametrize(
    ("frame", "number", "kind"),
    [
        ("00 00 FF 0F F1 D5 4B 01 01 00 44 00 07 04 A2 3B 5A 71 2E 80 39 00", "04A23B5A712E80", "Ultralight"),
        ("00 00 FF 0C F4 D5 4B 01 01 00 04 08 04 DE AD BE EF 96 00", "DEADBEEF", "Classic 1K"),
    ],
)
def test_cards_at_a_pn532(frame: str, number: str, kind: str) -> None:
    (found,) = pn532.Frames().feed(hexed(frame))
    assert isinstance(found, Frame) and found.sender == pn532.CHIP
    (target,) = pn532.decode_targets(found.data[1:])
    assert target.number == hexed(number) and target.is_whole and kind in pn532.kind_of(target)


def test_a_pn532_without_a_card_and_its_marks() -> None:
    stream = hexed("00 00 FF 00 FF 00 00 00 FF FF 00 00 00 00 FF 03 FD D5 4B 00 E0 00 00 00 FF 01 FF 7F 81 00")
    ack, nack, frame, error = pn532.Frames().feed(stream)
    assert (ack, nack, error) == (Mark.ACK, Mark.NACK, Mark.ERROR)
    assert isinstance(frame, Frame) and pn532.decode_targets(frame.data[1:]) == ()


def test_two_cards_at_a_pn532_one_with_an_answer_to_select() -> None:
    one = hexed("01 03 44 20 07 04 A2 3B 5A 71 2E 80 06 75 77 81 02 80")
    other = hexed("02 00 04 08 04 DE AD BE EF")
    assert [target.number.hex() for target in pn532.decode_targets(b"\x02" + one + other)] == [
        "04a23b5a712e80",
        "deadbeef",
    ]


@pytest.mark.parametrize(
    ("data", "is_whole"),
    [("01 01 0044 00 04 8804A23B", False), ("01 01 0004 0C 04 DEADBEEF", False), ("01 01 0004 08 04 DEADBEEF", True)],
)
def test_a_number_that_a_pn532_has_only_in_part_is_known(data: str, is_whole: bool) -> None:
    assert pn532.decode_targets(hexed(data))[0].is_whole is is_whole


@given(st.binary(min_size=1, max_size=264), st.lists(st.integers(1, 20), max_size=30), st.binary(max_size=3))
def test_frames_of_a_pn532_come_back_in_whatever_pieces(data: bytes, cuts: list[int], noise: bytes) -> None:
    stream = noise.replace(b"\xff", b"").replace(b"\x00", b"") + pn532.encode(data, pn532.CHIP)
    frames = pn532.Frames()
    found: list[Frame | Mark] = []
    for cut in cuts:
        found += frames.feed(stream[:cut])
        stream = stream[cut:]
    found += frames.feed(stream)
    assert found == [Frame(pn532.CHIP, data)]


@given(st.binary(max_size=600))
def test_whatever_comes_from_a_pn532_is_frames_or_nothing(data: bytes) -> None:
    for found in pn532.Frames().feed(data):
        if isinstance(found, Frame):
            try:
                targets = pn532.decode_targets(found.data[1:])
            except ValueError:
                continue
            assert len(targets) <= 255


def test_a_damaged_frame_of_a_pn532_is_told() -> None:
    frame = bytearray(pn532.encode(b"\x4b\x00", pn532.CHIP))
    frame[-2] ^= 1
    assert Mark.DAMAGED in list(pn532.Frames().feed(bytes(frame)))


@pytest.mark.parametrize(
    ("frame", "number"),
    [
        ("02 30 31 30 30 36 33 45 39 41 45 32 35 03", "010063E9AE"),
        ("02 31 30 30 30 38 36 46 34 34 34 32 36 03", "100086F444"),
        ("02 31 30 30 30 36 34 37 45 42 33 42 39 03", "1000647EB3"),
    ],
)
def test_frames_of_an_rdm6300(frame: str, number: str) -> None:
    assert list(em4100.Frames().feed(hexed(frame))) == [hexed(number)]
    assert em4100.encode(hexed(number)) == hexed(frame)


def test_a_damaged_and_a_cut_frame_of_an_rdm6300_are_none() -> None:
    good = em4100.encode(hexed("010063E9AE"))
    damaged = good[:5] + b"4" + good[6:]
    assert list(em4100.Frames().feed(damaged + good)) == [b"", hexed("010063E9AE")]
    assert list(em4100.Frames().feed(good[:9] + good)) == [b"", hexed("010063E9AE")]


@pytest.mark.parametrize(
    ("number", "bits"),
    [
        ("010001", "10000000100000000000000010"),
        ("64EB13", "00110010011101011000100111"),
        ("D507D0", "11101010100000111110100001"),
    ],
)
@pytest.mark.parametrize("bits_at", list(BitsAt))
def test_bits_of_wiegand(number: str, bits: str, bits_at: BitsAt) -> None:
    data = wiegand.encode_bits(hexed(number), bits_at)
    value = int.from_bytes(data, "big") >> (6 if bits_at is BitsAt.HIGH else 0)
    assert f"{value:026b}" == bits
    assert wiegand.decode_bits(data, 26, bits_at) == hexed(number)


@given(st.sampled_from([3, 4]), st.data(), st.sampled_from(BitsAt))
def test_one_wrong_bit_of_wiegand_is_noticed(size: int, data: st.DataObject, bits_at: BitsAt) -> None:
    number = data.draw(st.binary(min_size=size, max_size=size))
    coded = wiegand.encode_bits(number, bits_at)
    width = 8 * size + 2
    assert wiegand.decode_bits(coded, width, bits_at) == number
    wrong = int.from_bytes(coded, "big") ^ (1 << data.draw(st.integers(0, 8 * len(coded) - 1)))
    assert wiegand.decode_bits(wrong.to_bytes(len(coded), "big"), width, bits_at) is None


@pytest.mark.parametrize(
    ("sends", "line", "number"),
    [
        (Sends.HEX, b"04a23b5A712E80", "04A23B5A712E80"),
        (Sends.DECIMAL10, b"0013961168", "00D507D0"),
        (Sends.DECIMAL10, b"3735928559", "DEADBEEF"),
        (Sends.DECIMAL8, b"13961168", "D507D0"),
        (Sends.FACILITY_CARD, b"213,02000", "D507D0"),
        (Sends.FACILITY_CARD, b"001,00001", "010001"),
        (Sends.DECIMAL, b"13961168", "00D507D0"),
        (Sends.DECIMAL, b"013961168", ""),
        (Sends.DECIMAL10, b"13961168", ""),
        (Sends.DECIMAL8, b"1396116", ""),
        (Sends.FACILITY_CARD, b"256,00001", ""),
        (Sends.FACILITY_CARD, b"001,65536", ""),
        (Sends.DECIMAL8, b"16777216", ""),
        (Sends.DECIMAL10, b"4294967296", ""),
        (Sends.HEX, b"04A2B", ""),
        (Sends.HEX, b"04 A2 3B 5A", ""),
    ],
)
def test_lines_of_bridges(sends: Sends, line: bytes, number: str) -> None:
    for end in (b"\r", b"\n", b"\r\n"):
        assert list(Lines(sends).feed(line + end, 0.0)) == [hexed(number)]


@pytest.mark.parametrize("sends", [Sends.HEX, Sends.DECIMAL8, Sends.DECIMAL10, Sends.FACILITY_CARD])
def test_hostile_lines_are_refused_and_a_card_after_them_is_read(sends: Sends) -> None:
    lines = Lines(sends)
    for hostile in HOSTILE:
        if not (sends is Sends.HEX and hostile == b"050010\r"):  # three bytes, as any number
            assert set(lines.feed(hostile, 0.0)) <= {b""}
    good = {Sends.HEX: b"DEADBEEF", Sends.DECIMAL8: b"00000001", Sends.DECIMAL10: b"0000000001"}
    assert list(lines.feed(b"\r" + good.get(sends, b"000,00001") + b"\r", 0.0))[-1] != b""


def test_bytes_of_a_bridge_in_two_pieces_and_two_numbers_apart() -> None:
    coded = wiegand.encode_bits(hexed("64EB13"))
    bits = Bits(Sends.BINARY26, BitsAt.LOW)
    assert list(bits.feed(coded[:2], 0.0)) + list(bits.feed(coded[2:], 0.01)) == [hexed("64EB13")]
    assert list(bits.feed(coded[:3], 1.0)) == []
    assert list(bits.feed(coded, 2.0)) == [b"", hexed("64EB13")]


@given(st.binary(max_size=300), st.sampled_from(Sends))
def test_whatever_comes_from_a_bridge_is_a_number_or_refused(data: bytes, sends: Sends) -> None:
    reader = Bits(sends, BitsAt.LOW) if sends in wiegand.BITS else Lines(sends)
    sizes = {0, 3, 4, 5} if sends is not Sends.HEX else set(range(17))
    assert {len(number) for number in reader.feed(data, 0.0)} <= sizes


@given(st.binary(max_size=300))
def test_whatever_comes_from_an_rdm6300_is_five_bytes_or_refused(data: bytes) -> None:
    assert {len(number) for number in em4100.Frames().feed(data)} <= {0, 5}


def test_answers_of_a_twn4() -> None:
    assert twn4.encode(twn4.SEARCH_TAG) == b"050010\r"
    answer = twn4.decode(b"0001802004DEADBEEF")
    assert answer is not None
    assert twn4.decode_tag(answer) == twn4.Tag(0x80, hexed("DEADBEEF"))
    assert twn4.decode_tag(b"\x00\x00") is None
    assert twn4.beep(2400, 120, 40) == hexed("04 07 64 60 09 78 00 28 00")


@pytest.mark.parametrize(
    "answer", ["", "01", "00", "0001", "0001802004DEADBE", "0001802003DEADBEEF", "0001803004DEADBEEF"]
)
def test_an_answer_of_a_twn4_that_is_cut_short_is_none(answer: str) -> None:
    with pytest.raises(ValueError, match=r"result|cut short"):
        twn4.decode_tag(hexed(answer))


@given(st.binary(max_size=300))
def test_whatever_comes_from_a_twn4_is_an_answer_or_refused(line: bytes) -> None:
    answer = twn4.decode(line)
    if answer is not None:
        twn4.decode_version(answer)
        try:
            tag = twn4.decode_tag(answer)
        except ValueError:
            return
        assert tag is None or len(tag.number) <= 123


STORAGE = "3B 8F 80 01 80 4F 0C A0 00 00 03 06 "


@pytest.mark.parametrize(
    ("atr", "family", "name"),
    [
        (STORAGE + "03 00 01 00 00 00 00 6A", Family.ISO14443A, "MIFARE Classic 1K"),
        (STORAGE + "03 00 02 00 00 00 00 69", Family.ISO14443A, "MIFARE Classic 4K"),
        (STORAGE + "03 00 03 00 00 00 00 68", Family.ISO14443A, "MIFARE Ultralight or NTAG"),
        (STORAGE + "11 00 3B 00 00 00 00 42", Family.FELICA, "FeliCa"),
        ("3B 81 80 01 80 80", Family.ISO14443, "DESFire"),
        ("3B 80 80 01 01", Family.ISO14443, "ISO 14443-4 card"),
        ("3B 6E 00 00 80 31 80 66 B0 84 0C 01 6E 01 83 00 90 00", Family.OTHER, "contact card"),
        (STORAGE + "03 00 01 00 00 00 00 6B", Family.OTHER, "card"),
        ("", Family.OTHER, "card"),
    ],
)
def test_the_kind_of_a_card_by_its_atr(atr: str, family: Family, name: str) -> None:
    kind = kind_of(hexed(atr))
    assert (kind.family, kind.name) == (family, name)


@given(st.binary(max_size=40))
def test_any_atr_has_a_kind(atr: bytes) -> None:
    assert kind_of(atr).name
    if is_damaged(atr):
        assert kind_of(atr).family is Family.OTHER
