"""The other side of drivers/io/wirenboard.py: WB-MR6C v.3 and WBIO-DI-WD-14 behind a WB-MIO.

As delivered: poll time-out 10 s, but no output follows it, and each input switches its relay when it is pressed.
"""

from __future__ import annotations

from collections.abc import Callable

from drivers.codecs.modbus import Function
from drivers.io.wirenboard import (
    DOES_NOTHING,
    INPUT_0_MODE,
    INPUT_MODES,
    POLL_TIMEOUT,
    POWER_ON,
    RELAYS,
    SAFE_BEHAVIOUR,
    SAFE_INPUTS,
    SAFE_SOURCE,
    SAFE_STATES,
    Model,
)
from drivers.simulated.devices import Device, DevicePart
from drivers.simulated.io.modbus_face import Module, Place, ordering, storing
from drivers.simulated.io_model import CHANNELS, IoModel
from drivers.simulated.wirenboard_identity import registers

DELIVERED_TIMEOUT_S = 10


def face(model: IoModel, part: DevicePart) -> Device:
    """The module of `options.model`."""
    if part.options.get("model", Model.MR6C) == Model.DI_WD_14:
        return _inputs_only(model, part)
    settings = _Settings(model)
    holding = (Function.READ_HOLDING,)
    bits = [
        Place((Function.READ_COILS,), 0, lambda: model.outputs[:RELAYS], ordering(model)),
        Place((Function.READ_DISCRETE,), 0, lambda: (*model.inputs[:RELAYS], False, model.inputs[RELAYS])),
        Place((Function.READ_DISCRETE,), 96, lambda: model.outputs[:RELAYS]),
    ]
    words = [
        Place(holding, POWER_ON, lambda: (settings.power_on,), settings.set_power_on),
        Place(holding, POLL_TIMEOUT, lambda: (settings.timeout_s,), settings.set_timeout),
        Place(holding, INPUT_MODES, lambda: settings.modes[:RELAYS], settings.set_mode),
        Place(
            holding, INPUT_0_MODE, lambda: settings.modes[RELAYS:], lambda _, value: settings.set_mode(RELAYS, value)
        ),
        Place(holding, SAFE_SOURCE, lambda: (settings.source,), settings.set_source),
        Place(holding, SAFE_STATES, lambda: model.safe_values[:RELAYS], storing(model.safe_values)),
        Place(holding, SAFE_BEHAVIOUR, lambda: model.follows_watchdog[:RELAYS], storing(model.follows_watchdog)),
        *(
            Place(holding, start, settings.reads(start, count), settings.sets(start))
            for start, count in ((1280, RELAYS // 2), (1728, RELAYS), (1736, RELAYS), (1760, RELAYS))
        ),
        Place(holding, SAFE_INPUTS, lambda: settings.safe_inputs, settings.set_safe_input),
        Place((Function.READ_INPUT,), 32, lambda: [count & 0xFFFF for count in model.counters[:RELAYS]]),
    ]
    words += [
        Place((Function.READ_INPUT,), start, read)
        for start, read in registers("WB-MR6C v.3", 4_000_000 + part.address).items()
    ]
    return Pressed(model, bits, words, settings)


class Pressed(Module):
    """A module whose inputs switch its relays by themselves until their mode forbids it (`press`)."""

    def __init__(self, model: IoModel, bits: list[Place], words: list[Place], settings: _Settings) -> None:
        super().__init__(model, bits, words)
        self._settings = settings

    def press(self, channel: int, on: bool) -> None:
        """What is wired to an input changes."""
        if on and channel < RELAYS and self._settings.modes[channel] != DOES_NOTHING:
            self.model.order(channel, not self.model.outputs[channel])
        self.model.set_input(channel, on)


class _Settings:
    def __init__(self, model: IoModel) -> None:
        self._model = model
        model.on_forgotten.append(self._deliver)
        self._deliver()

    def _deliver(self) -> None:
        """As from the factory."""
        self.power_on = 0
        self.timeout_s = DELIVERED_TIMEOUT_S
        self.source = 0
        self.modes = [0] * RELAYS + [2]
        self.safe_inputs = [0] * RELAYS
        self.others: dict[int, list[int]] = {}
        self._model.safe_values[:] = self._model.follows_watchdog[:] = [False] * CHANNELS
        self._apply()

    def reads(self, start: int, count: int) -> Callable[[], list[int]]:
        return lambda: self.others.setdefault(start, [0] * count)

    def sets(self, start: int) -> Callable[[int, int], None]:
        def write(offset: int, value: int) -> None:
            self.others[start][offset] = value

        return write

    def set_power_on(self, offset: int, value: int) -> None:
        self.power_on = value

    def set_timeout(self, offset: int, value: int) -> None:
        self.timeout_s = value
        self._apply()

    def set_mode(self, offset: int, value: int) -> None:
        self.modes[offset] = value

    def set_source(self, offset: int, value: int) -> None:
        self.source = value
        self._apply()

    def set_safe_input(self, offset: int, value: int) -> None:
        self.safe_inputs[offset] = value

    def _apply(self) -> None:
        self._model.watchdog_s = float(self.timeout_s) if self.source != 1 else None


def _inputs_only(model: IoModel, part: DevicePart) -> Device:
    start = int(part.options.get("slot", 1)) * 1000
    words = [Place((Function.READ_HOLDING,), start + 250, lambda: [count & 0xFFFF for count in model.counters[:14]])]
    words += [
        Place((Function.READ_INPUT,), at, read) for at, read in registers("WBMIO", 4_100_000 + part.address).items()
    ]
    return Module(model, [Place((Function.READ_COILS,), start, lambda: model.inputs[:14])], words)
