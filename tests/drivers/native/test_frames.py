"""Frames of a vehicle out of the controller's ring, over both carriers; and the bytes of their batches."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import BadFrame, Refused
from drivers.interfaces import ConnectorType, FrameKind, HasLight, HasVehicleFrames, VehicleFrame
from drivers.native import dump_records
from drivers.native.codes import FRAME_KIND_CODES
from drivers.native.dump_records import MOST_BYTES, MOST_TEXT, decode, encode
from drivers.simulated.controller_state import Hardware
from drivers.simulated.frame_ring import DEPTH
from tests.drivers.native.test_charge import Rig, a_rig, both_carriers

GBT = Hardware(number=1, type=ConnectorType.GBT, max_current_a=125, max_power_w=50_000)
"""It says nothing by itself while no vehicle is there."""


def keep(rig: Rig, first: int, count: int) -> None:
    """Frames that tell their number."""
    for number in range(first, first + count):
        data = number.to_bytes(8, "little")
        rig.outlet.controller.frames.keep(number / 10, FrameKind.GBT, 0x181056F4, data)


async def read_all(rig: Rig) -> tuple[list[int], int]:
    """Numbers of the frames that are there, and how many were lost."""
    numbers: list[int] = []
    lost = 0
    while True:
        read = await rig.driver.read_frames()  # type: ignore[attr-defined]
        lost += read.lost
        numbers += [int.from_bytes(frame.data, "little") for frame in read.frames]
        if not read.frames:
            return numbers, lost


@both_carriers
async def test_frames_come_once_in_order_and_with_their_times(carrier: str) -> None:
    async with a_rig(GBT, carrier) as rig:
        assert isinstance(rig.driver, HasVehicleFrames) and isinstance(rig.driver, HasLight)
        rig.outlet.controller.frames.keep(1.5, FrameKind.CHADEMO, 0x102, b"\x01")
        rig.outlet.controller.frames.keep(2.5, FrameKind.CCS, 0, b"PreChargeReq")
        rig.outlet.controller.frames.keep(80.0, FrameKind.PILOT, 0, b"C 6.0 5.0")
        read = await rig.driver.read_frames()
        assert read.frames[-2:] == (
            VehicleFrame(1500, FrameKind.CHADEMO, 0x102, b"\x01"),
            VehicleFrame(2500, FrameKind.CCS, 0, b"PreChargeReq"),
        )  # fmt: skip
        read = await rig.driver.read_frames()
        assert read.frames == (VehicleFrame(80_000, FrameKind.PILOT, 0, b"C 6.0 5.0"),) and read.lost == 0
        assert (await rig.driver.read_frames()).frames == ()


@both_carriers
async def test_more_than_fits_a_batch_comes_in_batches_and_nothing_is_lost(carrier: str) -> None:
    async with a_rig(GBT, carrier) as rig:
        await read_all(rig)
        keep(rig, 0, 200)
        assert await read_all(rig) == (list(range(200)), 0)


@both_carriers
async def test_what_was_overwritten_is_counted(carrier: str) -> None:
    async with a_rig(GBT, carrier) as rig:
        await read_all(rig)
        keep(rig, 0, 30)
        first = await rig.driver.read_frames()  # type: ignore[attr-defined]
        keep(rig, 30, DEPTH + 100)
        numbers, lost = await read_all(rig)
        assert numbers == list(range(130, 30 + DEPTH + 100))
        assert lost == 130 - len(first.frames)


@both_carriers
async def test_after_a_restart_of_the_controller_frames_are_new_ones(carrier: str) -> None:
    async with a_rig(GBT, carrier) as rig:
        keep(rig, 0, 50)
        await read_all(rig)
        await rig.driver.read()
        rig.outlet.controller.break_down("reboot")
        await asyncio.sleep(3)
        await rig.until_status("A")
        keep(rig, 7, 3)
        numbers, lost = await read_all(rig)
        assert numbers[-3:] == [7, 8, 9] and lost == 0


@both_carriers
async def test_a_driver_that_begins_anew_goes_on_where_the_controller_was_read_to(carrier: str) -> None:
    async with a_rig(GBT, carrier) as rig:
        await read_all(rig)
        keep(rig, 0, 5)
        await read_all(rig)
        keep(rig, 5, 5)
        rig.driver._next_frame = None  # type: ignore[attr-defined]
        assert await read_all(rig) == ([5, 6, 7, 8, 9], 0)


@both_carriers
async def test_what_was_taken_is_told_once(carrier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_rig(GBT, carrier) as rig:
        keep(rig, 0, 3)
        await read_all(rig)
        ring, told = rig.outlet.controller.frames, list[int]()
        monkeypatch.setattr(ring, "take", told.append)
        for _ in range(3):
            await rig.driver.read_frames()  # type: ignore[attr-defined]
        assert told == []
        keep(rig, 3, 1)
        monkeypatch.undo()
        assert await read_all(rig) == ([3], 0)
        assert ring.taken == ring.next_number


@both_carriers
async def test_a_controller_without_them_refuses_in_words(carrier: str) -> None:
    plain = Hardware(
        number=1, type=ConnectorType.TYPE2, max_current_a=32, max_power_w=22_000, keeps_frames=False, has_light=False
    )
    async with a_rig(plain, carrier) as rig:
        with pytest.raises(Refused, match="it keeps no frames for a dump"):
            await rig.driver.read_frames()  # type: ignore[attr-defined]
        with pytest.raises(Refused, match="it has no light of its own"):
            await rig.driver.show_light((1, 2, 3))  # type: ignore[attr-defined]


async def test_a_batch_that_cannot_be_is_a_bad_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_rig(GBT) as rig:
        await rig.driver.identify()
        monkeypatch.setattr(
            dump_records, "encode", lambda first, now_ms, frames: bytes(8) + b"\x01\x00\x00\x02\xff\xff"
        )
        with pytest.raises(BadFrame, match="2 bytes are no gbt frame"):
            await rig.driver.read_frames()  # type: ignore[attr-defined]


# --------------------------------------------------------------------------------------------------------------- bytes

frames = st.lists(
    st.builds(
        lambda at_ms, kind, can_id, data, text: VehicleFrame(
            at_ms, kind, can_id if kind is FrameKind.GBT else can_id & 0x7FF if kind is FrameKind.CHADEMO else 0,
            data if kind in (FrameKind.GBT, FrameKind.CHADEMO) else text.encode()[:MOST_TEXT],
        ),
        st.integers(0, 0xFFFF), st.sampled_from(list(FrameKind)), st.integers(0, 0x1FFF_FFFF),
        st.binary(max_size=8), st.text(max_size=80),
    ),
    max_size=20,
).map(lambda some: sorted(some, key=lambda frame: frame.at_ms))  # fmt: skip


@given(frames, st.integers(0, 0xFFFF_FFFF))
def test_a_batch_gives_back_the_frames_that_fit(some: list[VehicleFrame], first: int) -> None:
    data = encode(first, 77, some)
    batch = decode(data.ljust(MOST_BYTES, b"\0"))
    assert len(data) <= MOST_BYTES
    assert batch.first == first and list(batch.frames) == some[: len(batch.frames)]
    assert len(batch.frames) == len(some) or len(batch.frames) >= 2 or len(some[len(batch.frames)].data) > 40


def test_bytes_of_a_batch() -> None:
    data = encode(
        5, 0, [VehicleFrame(0x1000, FrameKind.GBT, 0x181056F4, b"\xa5"), VehicleFrame(0x1002, FrameKind.PILOT, 0, b"A")]
    )
    assert data.hex(" ") == "00 00 00 05 00 00 10 00 01 00 00 05 18 10 56 f4 a5 04 00 02 01 41"
    assert encode(6, 0x1234, []).hex(" ") == "00 00 00 06 00 00 12 34"


def test_a_batch_ends_before_a_frame_that_is_too_late() -> None:
    some = [VehicleFrame(at, FrameKind.PILOT, 0, b"A") for at in (0, 0xFFFF, 0x10000)]
    assert len(decode(encode(1, 0, some)).frames) == 2


def test_time_wraps() -> None:
    some = [VehicleFrame(at, FrameKind.PILOT, 0, b"A") for at in (0xFFFF_FFFE, 3)]
    assert list(decode(encode(1, 0, some)).frames) == some


def test_a_kind_of_a_later_version_is_kept_as_text() -> None:
    (frame,) = decode(bytes(8) + bytes((len(FRAME_KIND_CODES), 0, 0, 2, 0xAB, 0xCD))).frames
    assert frame.data == f"record of kind {len(FRAME_KIND_CODES)}, 2 bytes".encode()


@given(st.binary(max_size=MOST_BYTES))
def test_whatever_comes_is_a_batch_or_a_reason(data: bytes) -> None:
    try:
        decode(data)
    except ValueError as error:
        assert str(error).startswith("dump_records")
