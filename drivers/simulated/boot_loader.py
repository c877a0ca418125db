"""The boot loader of a simulated controller, with everything that can go wrong in it. Pure, on the model's time.

While it runs the contactor is open, the status is F, and no permission is taken. What it erased stays erased: without a
whole image it is the boot loader that starts, whatever happens. Faults: `faults.FAULTS`, those that begin with `boot_`.
"""

from __future__ import annotations

import hashlib
import math
import zlib
from collections.abc import Mapping
from typing import Protocol

from drivers.native.boot_loader import read_image
from drivers.native.codes import BootCommand, BootResult, BootState, ImageKind
from drivers.native.registers import Value

BLOCK_BYTES = 224
MOST_IMAGE = 1 << 20
ERASE_S, BLOCK_S, CHECK_S = 0.5, 0.004, 0.4
SLOW = 100.0
"""Slow flash takes so many times as long for a block, and ten times for the rest."""
LOST_S = 0.3
POWER_BACK_S = 3.0
DEFAULT_BLOCK = 5
HARDWARE = {ImageKind.MAIN: 0x0001_0001, ImageKind.MODULES: 0x0001_0002}
"""What images of simulated controllers are made for."""
REFUSED_TIMES = 2
"""A wrong check sum is reported so often for one block."""

_AT_BLOCK = frozenset({"boot_lost", "boot_silent", "boot_crc", "boot_refuses", "boot_reset", "boot_power"})


class Around(Protocol):
    """The controller it is in."""

    now_s: float
    faults: set[str]

    def restart(self) -> None: ...
    def restart_now(self) -> None: ...
    def lose_power(self, for_s: float) -> None: ...
    def take_firmware(self, kind: ImageKind, version: str) -> None: ...


class BootLoader:
    """What the boot loader knows. `is_running`: it, and not the application."""

    def __init__(self, around: Around, *, has_modules: bool, has_two_banks: bool = False) -> None:
        self.is_running = False
        self.is_wanted = False
        """The next start is the boot loader's."""
        self.is_whole = True
        """There is an application to start."""
        self.hardware = dict(HARDWARE) if has_modules else {ImageKind.MAIN: HARDWARE[ImageKind.MAIN]}
        self.has_two_banks = has_two_banks
        self.blocks_taken = 0
        """For life."""
        self._around = around
        self._at: dict[str, int] = {}
        self._left: dict[str, int] = {}
        self._mute_until_s = -math.inf
        self._forget()

    def _forget(self) -> None:
        self._state = BootState.READY if self.is_running else BootState.APPLICATION
        self._result = BootResult.NONE
        self._busy_until_s = -math.inf
        self._after_check: tuple[BootState, BootResult] | None = None
        self._image: dict[str, Value] = {}
        self._data = bytearray()

    # ---------------------------------------------------------------------------------------------- the controller's

    @property
    def is_mute(self) -> bool:
        """It hears nothing and says nothing."""
        return self._around.now_s < self._mute_until_s

    def started(self) -> None:
        """The controller has its power, or starts anew."""
        self.is_running = self.is_wanted or not self.is_whole
        self.is_wanted = False
        self._forget()

    def break_down(self, code: str, value: float | None) -> None:
        """A fault of the table, from the block on that `value` names (from 1)."""
        self._at[code] = int(value) if value else DEFAULT_BLOCK
        self._left[code] = REFUSED_TIMES if code == "boot_crc" else 1

    def cleared(self) -> None:
        """Faults were taken away."""
        if not self._around.faults & {"boot_silent", "boot_dead"}:
            self._mute_until_s = -math.inf

    # ------------------------------------------------------------------------------------------------------- reading

    def values(self) -> Mapping[str, Value]:
        """The block `boot loader`."""
        state, result = self._settled()
        return {
            "boot_state": int(state),
            "boot_result": int(result),
            "boot_next_block": self._next,
            "boot_block_size": BLOCK_BYTES,
            "boot_hardware": self.hardware[ImageKind.MAIN],
            "boot_modules_hardware": self.hardware.get(ImageKind.MODULES, 0),
            "boot_image_most": MOST_IMAGE,
        }

    def image_values(self) -> Mapping[str, Value]:
        return {"boot_command": 0, "image_sha256": b"", **self._image}

    @property
    def _next(self) -> int:
        return -(-len(self._data) // BLOCK_BYTES)

    def _settled(self) -> tuple[BootState, BootResult]:
        if self._around.now_s < self._busy_until_s:
            return self._state, BootResult.BUSY
        if self._after_check is not None:
            (self._state, self._result), self._after_check = self._after_check, None
        return self._state, self._result

    # ------------------------------------------------------------------------------------------------------- writing

    def write_image(self, values: Mapping[str, Value]) -> None:
        """Objects of the block `image to write`; the command, where it is among them, is carried out."""
        self._settled()
        command = values.get("boot_command")
        if command is None:
            return
        handlers = {
            BootCommand.BEGIN: lambda: self._begin(values),
            BootCommand.CHECK: self._check,
            BootCommand.ACTIVATE: self._activate,
            BootCommand.ABORT: self._abort,
        }
        if not self.is_running or command not in handlers or self._around.now_s < self._busy_until_s:
            self._result = BootResult.WRONG_STATE
            return
        handlers[BootCommand(int(command))]()

    def _begin(self, values: Mapping[str, Value]) -> None:
        image = {name: value for name, value in values.items() if name != "boot_command"}
        kind = int(image.get("image_kind") or 0)
        made_for = next((number for each, number in self.hardware.items() if each == kind), None)
        if made_for is None:
            self._result = BootResult.BAD_IMAGE
        elif image.get("image_hardware") != made_for or "boot_hardware" in self._around.faults:
            self._result = BootResult.WRONG_HARDWARE
        elif not 0 < int(image.get("image_size") or 0) <= MOST_IMAGE:
            self._result = BootResult.TOO_LARGE
        else:
            self._forget()
            self._image = image
            self._state, self._result = BootState.RECEIVING, BootResult.OK
            if kind == ImageKind.MAIN and not self.has_two_banks:
                self.is_whole = False
            self._work(ERASE_S, 10.0)

    def write_block(self, values: Mapping[str, Value]) -> bool:
        """One block; False when nothing is answered."""
        self._settled()
        number, length = int(values["block_number"] or 0), int(values["block_length"] or 0)
        raw = values["block_data"]
        data = raw[:length] if isinstance(raw, bytes) else b""
        fault = self._fault_at(number)
        if fault == "boot_silent":
            self._mute_until_s = math.inf
            return False
        if fault in ("boot_reset", "boot_power"):
            self._around.faults.discard(fault)
            self._data.clear()
            if fault == "boot_power":
                self._around.lose_power(POWER_BACK_S)
            else:
                self._around.restart_now()
            return False
        self._result = self._taken(number, length, data, values["block_crc"], fault)
        if fault == "boot_lost":
            self._mute_until_s = self._around.now_s + LOST_S
            return False
        return True

    def _fault_at(self, number: int) -> str:
        """The fault that shows at this block, if there is one; one that shows a few times only is used up by it."""
        for code in sorted(_AT_BLOCK & self._around.faults):
            is_lasting = code in ("boot_silent", "boot_refuses")
            here = number + 1 >= self._at[code] if is_lasting else number + 1 == self._at[code]
            if here and (is_lasting or self._left[code] > 0):
                self._left[code] -= 1
                return code
        return ""

    def _taken(self, number: int, length: int, data: bytes, crc: Value, fault: str) -> BootResult:
        if self._state is not BootState.RECEIVING:
            return BootResult.WRONG_STATE
        if self._around.now_s < self._busy_until_s:
            return BootResult.BUSY
        if zlib.crc32(data) != crc or fault == "boot_crc":
            return BootResult.BLOCK_CRC
        at = number * BLOCK_BYTES
        if number == self._next - 1 and bytes(self._data[at:]) == data:
            return BootResult.OK
        left = int(self._image["image_size"] or 0) - at
        if number != self._next or length != min(BLOCK_BYTES, left):
            return BootResult.UNEXPECTED_BLOCK
        if fault == "boot_refuses":
            return BootResult.WRITE_FAILED
        self._data += data
        self.blocks_taken += 1
        self._work(BLOCK_S, SLOW)
        return BootResult.OK

    def _check(self) -> None:
        if self._state is not BootState.RECEIVING:
            self._result = BootResult.OK if self._state is BootState.PROGRAMMED else BootResult.WRONG_STATE
            return
        verdict = self._verdict()
        is_good = verdict is BootResult.OK
        self._state = BootState.CHECKING
        self._after_check = (BootState.PROGRAMMED if is_good else BootState.FAILED, verdict)
        self._work(CHECK_S, 10.0)

    def _verdict(self) -> BootResult:
        data = bytes(self._data)
        image = self._image
        if zlib.crc32(data) != image.get("image_crc") or "boot_check" in self._around.faults:
            return BootResult.IMAGE_CRC
        if hashlib.sha256(data).digest() != image.get("image_sha256"):
            return BootResult.IMAGE_CRC
        try:
            read_image(ImageKind(int(image["image_kind"] or 0)).name, data)
        except ValueError:
            return BootResult.BAD_IMAGE
        return BootResult.OK

    def _activate(self) -> None:
        if self._state is not BootState.PROGRAMMED:
            self._result = BootResult.WRONG_STATE
            return
        kind = ImageKind(int(self._image["image_kind"] or 0))
        self._around.take_firmware(kind, read_image(kind.name, bytes(self._data)).version)
        self.is_whole = True
        self._result = BootResult.OK
        if "boot_dead" in self._around.faults:
            self._mute_until_s = math.inf
        self._around.restart()

    def _abort(self) -> None:
        self._forget()
        self._result = BootResult.OK
        if self.is_whole:
            self._around.restart()

    def _work(self, seconds: float, slow: float) -> None:
        """Its memory is busy for so long."""
        factor = slow if "boot_slow" in self._around.faults else 1.0
        self._busy_until_s = self._around.now_s + seconds * factor
