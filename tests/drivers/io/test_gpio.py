"""Lines of a GPIO chip, at the interface where they are requested from the kernel (no chip is at hand here)."""

from __future__ import annotations

import builtins
from typing import Any

import pytest

from drivers.errors import NoAnswer
from drivers.interfaces import FailSafe
from drivers.io import gpio
from drivers.ports.gpio import GpioPort, Wanted, request_lines
from drivers.simulated.io.gpio import requesting
from drivers.simulated.io_model import IoModel

SETTINGS = gpio.Settings(port="pins", inputs=(17, 27), outputs=(5, 6, 13))


def port_on(model: IoModel) -> GpioPort:
    return GpioPort("pins", "/dev/gpiochip0", requesting(model))


async def test_lines_are_read_and_switched_by_their_numbers() -> None:
    model = IoModel()
    port = port_on(model)
    await port.open()
    device = gpio.open_device(SETTINGS, port)
    assert (device.inputs, device.outputs) == (2, 3)
    model.set_input(1, True)
    await device.write(2, True)
    reading = await device.read()
    assert reading.inputs == (False, True)
    assert reading.outputs == (False, False, True)
    assert model.outputs[:3] == (False, False, True)
    assert port.devices["/dev/gpiochip0"].answers == 2


async def test_outputs_are_off_from_the_request_on_and_when_the_port_is_closed() -> None:
    model = IoModel()
    model.order(0, True)
    port = port_on(model)
    await port.open()
    device = gpio.open_device(SETTINGS, port)
    await device.prepare(3.0)
    assert not any(model.outputs)
    await device.write(0, True)
    await port.close()
    assert not any(model.outputs)
    with pytest.raises(NoAnswer, match="closed"):
        await device.read()


async def test_a_chip_that_is_gone_is_told_of_and_taken_again_when_it_is_back() -> None:
    model = IoModel()
    port = port_on(model)
    await port.open()
    device = gpio.open_device(SETTINGS, port)
    await device.read()
    model.silent = True
    for _ in range(2):
        with pytest.raises(NoAnswer, match="/dev/gpiochip0"):
            await device.read()
    assert port.error
    model.silent = False
    await device.read()
    assert port.error == ""
    assert port.is_open
    assert port.statistics.no_answer == 2


async def test_a_line_that_another_process_has_is_told_of() -> None:
    model = IoModel()
    held = requesting(model)
    held("/dev/gpiochip0", Wanted(inputs=(17,), outputs=()))
    port = GpioPort("pins", "/dev/gpiochip0", held)
    await port.open()
    with pytest.raises(NoAnswer, match="another process"):
        await gpio.open_device(SETTINGS, port).read()


async def test_a_channel_that_is_not_there_is_refused() -> None:
    port = port_on(IoModel())
    await port.open()
    with pytest.raises(ValueError, match="there is no output 3"):
        await gpio.open_device(SETTINGS, port).write(3, True)


async def test_a_computer_without_that_chip_says_so() -> None:
    pytest.importorskip("gpiod")
    port = GpioPort("pins", "/dev/no-such-chip")
    await port.open()
    with pytest.raises(NoAnswer, match=r"/dev/no-such-chip.*No such file"):
        await gpio.open_device(SETTINGS, port).read()


def test_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *more: Any, **named: Any) -> Any:
        if name == "gpiod":
            raise ImportError(name)
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(OSError, match="gpiod"):
        request_lines("/dev/gpiochip0", Wanted(inputs=(1,), outputs=()))


def test_nothing_opens_by_itself() -> None:
    assert gpio.ABOUT.fail_safe is FailSafe.NONE
    assert gpio.GpioIo.fail_safe is FailSafe.NONE
