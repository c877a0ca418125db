"""All modules of digital inputs and outputs: what each of their drivers must do, on a wire with its simulated side."""

from __future__ import annotations

import asyncio

import pytest

from drivers.errors import BadFrame, NoAnswer, Refused
from drivers.interfaces import FailSafe
from drivers.simulated.io_model import IoFaults
from tests.drivers.io.modules import KINDS, SWITCHING, WATCHED, Kind, bench
from tests.drivers.wires import damaged


@pytest.mark.parametrize("kind", KINDS, ids=str)
async def test_a_module_has_its_channels_and_reads_them(kind: Kind) -> None:
    async with bench(kind) as at:
        assert (at.device.inputs, at.device.outputs) == (kind.inputs, kind.outputs)
        if kind.inputs:
            at.model.set_input(0, True)
            at.model.set_input(kind.inputs - 1, True)
        reading = await at.device.read()
        assert [channel for channel, on in enumerate(reading.inputs) if on] == (
            [0, kind.inputs - 1] if kind.inputs else []
        )
        assert len(reading.inputs) == kind.inputs
        assert reading.outputs == (False,) * kind.outputs
        if kind.options.get("counters"):
            assert reading.counters[0] == 1
        else:
            assert reading.counters == ()


@pytest.mark.parametrize("kind", SWITCHING, ids=str)
async def test_outputs_are_switched_one_by_one(kind: Kind) -> None:
    async with bench(kind) as at:
        await at.device.prepare(3.0)
        await at.device.write(0, True)
        await at.device.write(kind.outputs - 1, True)
        assert [channel for channel, on in enumerate(at.model.outputs) if on] == [0, kind.outputs - 1]
        assert (await at.device.read()).outputs == at.model.outputs[: kind.outputs]
        await at.device.write(0, False)
        assert not at.model.outputs[0]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("past_the_end", [0, -1])
async def test_a_channel_that_is_not_there_is_refused_without_asking(kind: Kind, past_the_end: int) -> None:
    async with bench(kind) as at:
        with pytest.raises(ValueError, match="there is no output"):
            await at.device.write(kind.outputs if past_the_end == 0 else -1, True)
        assert not at.line.requests


@pytest.mark.parametrize("kind", KINDS, ids=str)
async def test_another_address_is_not_answered(kind: Kind) -> None:
    async with bench(kind, address=2) as at:
        with pytest.raises(NoAnswer):
            await at.device.read()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.driver != "moxa"], ids=str)
async def test_a_damaged_reply_is_no_reading(kind: Kind) -> None:
    async with bench(kind) as at:
        at.line.to_station = damaged
        with pytest.raises(BadFrame):
            await at.device.read()


@pytest.mark.parametrize("kind", KINDS, ids=str)
async def test_a_module_that_falls_silent_is_noticed_and_comes_back(kind: Kind) -> None:
    async with bench(kind) as at:
        devices, at.line.to_station = at.line.to_station, lambda data: ()
        with pytest.raises(NoAnswer):
            await at.device.read()
        at.line.to_station = devices
        await asyncio.sleep(1)
        await at.device.read()


@pytest.mark.parametrize("kind", KINDS, ids=str)
async def test_identity_is_told_or_known(kind: Kind) -> None:
    async with bench(kind) as at:
        identity = await at.device.identify()
        assert identity.model


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_module_says_of_itself_what_its_driver_says(kind: Kind) -> None:
    from drivers.loading import load

    watches = kind.driver in ("icpdas", "wirenboard")
    assert load("io", kind.driver).ABOUT.fail_safe is (FailSafe.OPENS if watches else FailSafe.NONE)


@pytest.mark.parametrize("kind", WATCHED, ids=str)
async def test_its_own_watchdog_opens_the_outputs_when_nobody_asks(kind: Kind) -> None:
    async with bench(kind) as at:
        await at.device.prepare(3.0)
        await at.device.write(1, True)
        for _ in range(20):
            await asyncio.sleep(0.5)
            await at.device.read()
        assert at.model.outputs[1]
        await asyncio.sleep(3.5)
        assert not any(at.model.outputs)
        assert at.model.switchings[-1].why == "watchdog"


@pytest.mark.parametrize("kind", WATCHED, ids=str)
async def test_after_its_watchdog_it_obeys_again_once_it_is_asked(kind: Kind) -> None:
    async with bench(kind) as at:
        await at.device.prepare(3.0)
        await at.device.write(1, True)
        await asyncio.sleep(5)
        reading = await at.device.read()
        assert not any(reading.outputs)
        await at.device.write(1, True)
        assert at.model.outputs[1]


@pytest.mark.parametrize("kind", [kind for kind in SWITCHING if kind not in WATCHED], ids=str)
async def test_a_module_without_a_watchdog_keeps_its_outputs(kind: Kind) -> None:
    async with bench(kind) as at:
        await at.device.prepare(3.0)
        await at.device.write(1, True)
        await asyncio.sleep(60)
        assert at.model.outputs[1]
        assert at.device.fail_safe is FailSafe.NONE


@pytest.mark.parametrize("kind", WATCHED, ids=str)
async def test_after_a_restart_its_outputs_are_off_and_it_is_prepared_anew(kind: Kind) -> None:
    async with bench(kind) as at:
        at.model.keeps_settings = False
        await at.device.prepare(3.0)
        await at.device.write(2, True)
        at.model.set_faults(IoFaults(restart=True))
        assert not any((await at.device.read()).outputs)
        await at.device.write(2, True)
        await asyncio.sleep(60)
        assert at.model.outputs[2], "it lost its settings: nothing opens without preparing it anew"
        await at.device.prepare(3.0)
        await at.device.write(2, True)
        await asyncio.sleep(4)
        assert not any(at.model.outputs)


@pytest.mark.parametrize("kind", WATCHED, ids=str)
async def test_once_prepared_it_starts_with_its_outputs_off_whatever_was_set_before(kind: Kind) -> None:
    async with bench(kind) as at:
        at.model.safe_values[1] = True
        if kind.driver == "icpdas":
            at.model.power_on_values[1] = True
        await at.device.prepare(3.0)
        at.model.set_faults(IoFaults(restart=True))
        assert not any(at.model.outputs)


@pytest.mark.parametrize("kind", SWITCHING, ids=str)
async def test_settings_are_written_only_when_they_differ(kind: Kind) -> None:
    async with bench(kind) as at:
        await at.device.prepare(3.0)
        at.line.requests.clear()
        await at.device.prepare(3.0)
        written = [request for request in at.line.requests if not request.is_read]
        assert all(request.is_of_bits and request.values == (1,) for request in written)
        assert len(written) <= 1


@pytest.mark.parametrize("kind", SWITCHING, ids=str)
async def test_preparing_leaves_the_outputs_as_they_are(kind: Kind) -> None:
    async with bench(kind) as at:
        await at.device.write(0, True)
        await at.device.prepare(3.0)
        assert at.model.outputs[0]


@pytest.mark.parametrize("kind", WATCHED, ids=str)
async def test_a_module_that_keeps_another_value_is_told_of(kind: Kind) -> None:
    async with bench(kind) as at:
        device = at.line.devices[1]
        at.line.devices[1] = Deaf(device)
        with pytest.raises(Refused, match=r"was to hold .* it holds"):
            await at.device.prepare(3.0)


class Deaf:
    """A module that confirms everything and keeps nothing."""

    def __init__(self, device: object) -> None:
        self.read = device.read  # type: ignore[attr-defined]
        self.read_bits = device.read_bits  # type: ignore[attr-defined]

    def write(self, start: int, values: object) -> None: ...

    def write_bits(self, start: int, values: object) -> None: ...
