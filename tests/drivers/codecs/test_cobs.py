"""COBS, JAMCRC and the fields of Protocol Buffers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.codecs.cobs import (
    LONGEST,
    Receiver,
    cobs_decoded,
    cobs_encoded,
    crc32_jam,
    decoded_fields,
    encoded_fields,
    framed,
    unframed,
)

VECTORS = [
    ("lock connector 1", "18 01 38 01", 0x2A4CB9C9, "09 18 01 38 01 C9 B9 4C 2A 00"),
    ("duty 26.67 % on connector 1", "20 EB 14 38 01", 0x82D5661E, "0A 20 EB 14 38 01 1E 66 D5 82 00"),
    ("AC coil on", "2A 04 08 01 10 01 38 01", 0xE6546003, "0D 2A 04 08 01 10 01 38 01 03 60 54 E6 00"),
    ("board: pilot C", "18 02 30 01", 0xE0D38D98, "09 18 02 30 01 98 8D D3 E0 00"),
]


@pytest.mark.parametrize(("what", "message", "crc", "frame"), VECTORS, ids=[each[0] for each in VECTORS])
def test_published_frames_come_out_and_are_understood(what: str, message: str, crc: int, frame: str) -> None:
    assert crc32_jam(bytes.fromhex(message)) == crc
    assert framed(bytes.fromhex(message)) == bytes.fromhex(frame)
    assert unframed(bytes.fromhex(frame)[:-1]) == bytes.fromhex(message)


def test_jamcrc_is_crc32_without_the_inversion() -> None:
    assert crc32_jam(b"123456789") == 0xCBF43926 ^ 0xFFFF_FFFF


@given(st.binary(max_size=800) | st.integers(250, 520).map(lambda n: b"\1" * n))
def test_any_bytes_survive_cobs(data: bytes) -> None:
    encoded = cobs_encoded(data)
    assert encoded.count(0) == 1
    assert cobs_decoded(encoded[:-1]) == data


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=8), st.integers(1, 20))
def test_frames_are_found_in_pieces_of_any_size(messages: list[bytes], size: int) -> None:
    wire = b"".join(framed(message) for message in messages)
    receiver = Receiver()
    found = [one for at in range(0, len(wire), size) for one in receiver.feed(wire[at : at + size])]
    assert found == messages
    assert receiver.damaged == 0


@given(st.binary(min_size=1, max_size=40), st.data())
def test_a_damaged_byte_never_makes_another_message(message: bytes, data: st.DataObject) -> None:
    wire = bytearray(framed(message))
    at = data.draw(st.integers(0, len(wire) - 2))
    wire[at] ^= data.draw(st.integers(1, 255))
    assert all(found == message for found in Receiver().feed(bytes(wire)))


def test_the_receiver_finds_its_place_again_after_endless_noise() -> None:
    receiver = Receiver()
    assert receiver.feed(b"\x55" * (LONGEST + 1)) == ()
    assert receiver.feed(b"\0" + framed(b"ok")) == (b"ok",)
    assert receiver.damaged == 1


@given(st.lists(st.tuples(st.integers(1, 200), st.integers(0, 2**64 - 1) | st.binary(max_size=40)), max_size=8))
def test_fields_survive_and_the_last_of_a_number_counts(fields: list[tuple[int, int | bytes]]) -> None:
    assert decoded_fields(encoded_fields(fields)) == dict(fields)


def test_fields_of_fixed_length_are_skipped() -> None:
    assert decoded_fields(bytes.fromhex("0D 01 02 03 04 11 01 02 03 04 05 06 07 08 18 02")) == {3: 2}


@pytest.mark.parametrize("broken", ["08", "2A 04 08", "0D 01", "0B 01", "00 01", "08" + " FF" * 11])
def test_a_message_that_breaks_off_is_refused(broken: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decoded_fields(bytes.fromhex(broken))
