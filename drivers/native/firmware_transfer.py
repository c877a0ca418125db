"""Writing firmware to a controller through its boot loader: docs/protocol/README.md, "Boot loader".

A block whose answer was lost is written again; the controller says which block it expects. Whatever does not succeed
begins anew with the first block, at most so often as was asked. All blocks travel behind every poll and order of the
port, so a transfer holds up nobody's lease by more than the block that is on the wire.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import msgspec

from drivers.errors import BadFrame, DeviceError, NoAnswer, NotWritten, Refused
from drivers.interfaces import (
    ControllerReading,
    ControllerStatus,
    FirmwareImage,
    FirmwareProgress,
    FirmwareStage,
    Identity,
)
from drivers.native.boot_loader import (
    LEAST_BLOCK,
    MOST_BLOCK,
    RESULT_TEXTS,
    STATE_TEXTS,
    announcement,
    block_values,
)
from drivers.native.codes import BootCommand, BootResult, BootState
from drivers.native.link import Link
from drivers.native.objects import BOOT, BOOT_BLOCK, BOOT_IMAGE
from drivers.native.registers import Value

ENTERS_WITHIN_S = 15.0
ANSWERS_WITHIN_S = 20.0
"""At the begin of each attempt a silent controller is waited for so long: it may be starting."""
ERASES_WITHIN_S = 60.0
WRITES_WITHIN_S = 10.0
"""A block that was taken is in its memory after this."""
CHECKS_WITHIN_S = 60.0
STARTS_WITHIN_S = 30.0
KNOWS_WITHIN_S = 15.0
"""Behind that, its status is not F any more."""
TRIES = 5
"""How often one block is written before the attempt is given up."""
PAUSES_S = (0.05, 0.2, 0.5, 1.0)
"""Before each repeat of a block."""
BLOCK_EACH_S = 0.025
"""No faster than this: on a fast CAN bus more answers than a port hands on of one identifier would come, and the
processor has charges to look after."""
BETWEEN_ATTEMPTS_S = (1.0, 3.0, 10.0)
DECIDES_WITHIN_S = 1.0
"""After ABORT it has left its boot loader by then, or it stays."""
FIRST_LOOK_S, LOOK_S = 0.002, 0.05
"""Pauses between looks at one that is busy: the first, and the longest."""

_SILENT, _ABSENT = "silent", "absent"
"""It fell silent; or it was, from the begin of an attempt on. To others both are no_answer."""
_COMMAND = BOOT_IMAGE.objects[-1:]
_HOPELESS = frozenset(
    {BootResult.WRONG_HARDWARE, BootResult.TOO_LARGE, BootResult.BAD_IMAGE}
)  # another attempt would end the same


class BootReading(msgspec.Struct, frozen=True):
    """The boot loader's block, understood."""

    state: BootState
    result: BootResult
    next_block: int
    block_size: int
    hardware: int
    modules_hardware: int
    most: int

    @property
    def said(self) -> str:
        return RESULT_TEXTS[self.result]


class _AttemptFailed(Exception):
    """This attempt is over. `is_final`: so are all."""

    def __init__(self, code: str, text: str, *, is_final: bool = False) -> None:
        super().__init__(text)
        self.code, self.text, self.is_final = code, text, is_final


async def read_boot(link: Link) -> BootReading:
    """How the boot loader stands. Raises NoAnswer, BadFrame, Refused (it has none)."""
    values = await link.read(BOOT.objects, can_wait=True)
    numbers = [int(values[each.name] or 0) for each in BOOT.objects]
    try:
        return BootReading(BootState(numbers[0]), BootResult(numbers[1]), *numbers[2:])
    except ValueError as error:
        raise BadFrame(f"{link}: boot loader: {error}") from None


class FirmwareTransfer:
    """One update of the controller behind `link`.

    `enter` orders it into its boot loader, `read` and `identify` ask the application that runs afterwards.
    """

    def __init__(
        self,
        link: Link,
        image: FirmwareImage,
        enter: Callable[[], Awaitable[None]],
        read: Callable[[], Awaitable[ControllerReading]],
        identify: Callable[[], Awaitable[Identity]],
        attempts: int,
        progress: Callable[[FirmwareProgress], None],
    ) -> None:
        self._link = link
        self._image = image
        self._enter = enter
        self._read = read
        self._identify = identify
        self._attempts = attempts
        self._progress = progress
        self._now = FirmwareProgress(stage=FirmwareStage.ENTERING, attempts=attempts)

    async def run(self) -> Identity:
        """Write it; who the controller is afterwards. Raises NotWritten."""
        last: _AttemptFailed | None = None
        for attempt in range(1, self._attempts + 1):
            if attempt > 1:
                await asyncio.sleep(BETWEEN_ATTEMPTS_S[min(attempt - 2, len(BETWEEN_ATTEMPTS_S) - 1)])
            self._tell(FirmwareStage.ENTERING, attempt=attempt, block=0)
            try:
                return await self._attempt()
            except _AttemptFailed as failed:
                last = self._worse(last, failed)
                if failed.is_final:
                    break
        assert last is not None
        code = "no_answer" if last.code in (_SILENT, _ABSENT) else last.code
        raise NotWritten(code, f"{last.text} {await self._left_as()}".strip())

    def _worse(self, last: _AttemptFailed | None, now: _AttemptFailed) -> _AttemptFailed:
        """What is told in the end: the last failure, but one that was silent ever since says when it fell silent."""
        if last is not None and now.code == _ABSENT:
            said = "It has not answered since."
            return _AttemptFailed(last.code, last.text if last.text.endswith(said) else f"{last.text} {said}")
        text = f"Attempt {self._now.attempt} of {self._attempts}: {now.text}"
        return _AttemptFailed(now.code, text)

    async def _left_as(self) -> str:
        """In which state a controller is left, for people; it is let go where its old firmware is whole."""
        with contextlib.suppress(DeviceError):
            boot = await read_boot(self._link)
            if boot.state is not BootState.APPLICATION:
                await self._command(BootCommand.ABORT)
        await asyncio.sleep(DECIDES_WITHIN_S)
        deadline_s = _loop_s() + ENTERS_WITHIN_S
        while _loop_s() < deadline_s:
            try:
                boot = await read_boot(self._link)
            except DeviceError:
                await asyncio.sleep(10 * LOOK_S)
                continue
            if boot.state is BootState.APPLICATION:
                return "It runs the firmware it had before."
            return "It stays in its boot loader, its contactor open: update it again."
        return "It does not answer; its contactor opens by itself."

    # -------------------------------------------------------------------------------------------------- one attempt

    async def _attempt(self) -> Identity:
        boot = await self._answering(ANSWERS_WITHIN_S)
        size, blocks = self._sizes(boot)
        await self._into_boot_loader(boot)
        await self._begin()
        await self._send(size, blocks)
        await self._check()
        return await self._activate()

    async def _into_boot_loader(self, boot: BootReading) -> None:
        if boot.state is not BootState.APPLICATION:
            return
        try:
            await self._enter()
        except Refused as error:
            text = f"it refuses to enter its boot loader: {error}."
            raise _AttemptFailed("refused", text, is_final=True) from None
        except DeviceError as error:
            raise _AttemptFailed(_SILENT, f"it does not enter its boot loader: {error}.") from None
        deadline_s = _loop_s() + ENTERS_WITHIN_S
        while boot.state is BootState.APPLICATION:
            if _loop_s() > deadline_s:
                text = f"it is not in its boot loader {ENTERS_WITHIN_S:.0f} s after the order."
                raise _AttemptFailed(_SILENT, text)
            await asyncio.sleep(10 * LOOK_S)
            with contextlib.suppress(DeviceError):
                boot = await read_boot(self._link)

    async def _answering(self, within_s: float) -> BootReading:
        deadline_s = _loop_s() + within_s
        while True:
            try:
                return await read_boot(self._link)
            except Refused as error:
                raise _AttemptFailed("refused", f"it has no boot loader: {error}.", is_final=True) from None
            except DeviceError as error:
                if _loop_s() > deadline_s:
                    raise _AttemptFailed(_ABSENT, f"it does not answer: {error}.") from None
            await asyncio.sleep(10 * LOOK_S)

    def _sizes(self, boot: BootReading) -> tuple[int, int]:
        """Bytes of a block, and how many; an image that cannot be meant is refused before anything is lost."""
        image = self._image
        made_for = boot.hardware if image.kind == "MAIN" else boot.modules_hardware
        if image.hardware != made_for:
            says = "takes no such image" if made_for == 0 else f"takes images for hardware {made_for:08X}"
            text = f"the image is for hardware {image.hardware:08X} ({image.model}), and the controller {says}."
            raise _AttemptFailed("bad_image", text, is_final=True)
        if len(image.data) > boot.most:
            text = f"the image has {len(image.data)} bytes, and the controller takes {boot.most} at most."
            raise _AttemptFailed("bad_image", text, is_final=True)
        size = boot.block_size
        if not LEAST_BLOCK <= size <= MOST_BLOCK:
            text = f"its boot loader wants blocks of {size} bytes; {LEAST_BLOCK}..{MOST_BLOCK} can be."
            raise _AttemptFailed("refused", text, is_final=True)
        return size, -(-len(image.data) // size)

    async def _begin(self) -> None:
        values = {**announcement(self._image), "boot_command": int(BootCommand.BEGIN)}
        boot = await self._written(
            lambda: self._link.write(BOOT_IMAGE.objects, values, can_wait=True), ERASES_WITHIN_S, "the command BEGIN"
        )
        if boot.state is not BootState.RECEIVING:
            is_final = boot.result in _HOPELESS
            code = "bad_image" if is_final else "refused"
            raise _AttemptFailed(code, f"it refuses the image: {boot.said}.", is_final=is_final)
        if boot.next_block != 0:
            raise _AttemptFailed("refused", f"after BEGIN it expects block {boot.next_block}, not 0.")

    async def _send(self, size: int, blocks: int) -> None:
        """All blocks. In texts blocks count from 1, as in what people are shown."""
        self._tell(FirmwareStage.SENDING, block=0, blocks=blocks)
        due = furthest = tries = 0
        while due < blocks:
            values, begun_s = block_values(self._image, due, size), _loop_s()
            boot, error = await self._put_block(values)
            await asyncio.sleep(max(begun_s + BLOCK_EACH_S - _loop_s(), 0.0))
            if boot is not None and boot.next_block > furthest and boot.next_block <= blocks:
                furthest, tries = boot.next_block, 0
                self._tell(FirmwareStage.SENDING, block=furthest)
            else:
                tries += 1
                self._tell(FirmwareStage.SENDING, repeats=self._now.repeats + 1)
                if tries >= TRIES:
                    raise self._block_failed(due, blocks, boot, error)
                await asyncio.sleep(PAUSES_S[min(tries, len(PAUSES_S)) - 1])
            if boot is not None:
                self._still_receiving(boot, due, blocks)
                due = min(boot.next_block, blocks)

    async def _put_block(self, values: dict[str, Value]) -> tuple[BootReading | None, DeviceError | None]:
        """How the boot loader stands behind a block; None and why when it does not say."""
        error: DeviceError | None = None
        try:
            await self._link.write(BOOT_BLOCK.objects, values, can_wait=True)
        except DeviceError as lost:
            error = lost  # also one that was refused: it says itself which block it wants
        try:
            return await self._settled(WRITES_WITHIN_S), error
        except DeviceError as lost:
            return None, lost

    def _still_receiving(self, boot: BootReading, due: int, blocks: int) -> None:
        if boot.state is BootState.RECEIVING:
            return
        where = f"block {due + 1} of {blocks}"
        if boot.state is BootState.FAILED:
            raise _AttemptFailed("refused", f"it refuses {where}: {boot.said}.")
        raise _AttemptFailed("no_answer", f"it restarted during {where}.")

    def _block_failed(
        self, due: int, blocks: int, boot: BootReading | None, error: DeviceError | None
    ) -> _AttemptFailed:
        where = f"block {due + 1} of {blocks}"
        if boot is None:
            return _AttemptFailed(_SILENT, f"silent during {where}, which was sent {TRIES} times ({error}).")
        said = (
            boot.said if boot.result is not BootResult.OK else str(error or f"it expects block {boot.next_block + 1}")
        )
        return _AttemptFailed("refused", f"it did not take {where}, which was sent {TRIES} times: {said}.")

    async def _check(self) -> None:
        self._tell(FirmwareStage.CHECKING)
        boot = await self._written(lambda: self._command(BootCommand.CHECK), CHECKS_WITHIN_S, "the command CHECK")
        if boot.state is not BootState.PROGRAMMED:
            said = boot.said if boot.result is not BootResult.OK else STATE_TEXTS[boot.state]
            raise _AttemptFailed("check_failed", f"the check of the whole image failed: {said}.")

    async def _activate(self) -> Identity:
        self._tell(FirmwareStage.STARTING)
        deadline_s = _loop_s() + STARTS_WITHIN_S
        error: DeviceError | None = None
        is_told = False
        while _loop_s() < deadline_s:
            try:
                boot = await read_boot(self._link)
                if boot.state is BootState.APPLICATION:
                    await self._wait_for_status()
                    return await self._identify()
                if boot.state is BootState.PROGRAMMED and not is_told:
                    await self._command(BootCommand.ACTIVATE)
                    is_told = True
                elif boot.state in (BootState.READY, BootState.FAILED):
                    raise _AttemptFailed("still_in_boot_loader", "it did not start the new firmware.")
                error = None
            except DeviceError as lost:
                error, is_told = lost, False
            await asyncio.sleep(10 * LOOK_S)
        if error is None:
            raise _AttemptFailed("still_in_boot_loader", "it stays in its boot loader after ACTIVATE.")
        text = f"it did not start again within {STARTS_WITHIN_S:.0f} s after ACTIVATE ({error})."
        raise _AttemptFailed(_SILENT, text)

    async def _wait_for_status(self) -> None:
        """Until the new firmware knows its status: then it is done with its self-test. One that never does is told by
        who polls it."""
        deadline_s = _loop_s() + KNOWS_WITHIN_S
        while _loop_s() < deadline_s:
            with contextlib.suppress(DeviceError):
                if (await self._read()).status is not ControllerStatus.F_UNKNOWN:
                    return
            await asyncio.sleep(10 * LOOK_S)

    # ----------------------------------------------------------------------------------------------------- the wire

    async def _command(self, command: BootCommand) -> None:
        await self._link.write(_COMMAND, {"boot_command": int(command)}, can_wait=True)

    async def _written(self, write: Callable[[], Awaitable[None]], within_s: float, what: str) -> BootReading:
        """Write, again when that was lost, and wait until it is carried out."""
        error: DeviceError = NoAnswer("")
        for pause_s in (0.0, *PAUSES_S):
            await asyncio.sleep(pause_s)
            try:
                with contextlib.suppress(Refused):  # why stands in its result
                    await write()
                return await self._settled(within_s)
            except DeviceError as lost:
                error = lost
        raise _AttemptFailed(_SILENT, f"it does not answer {what} ({error}).")

    async def _settled(self, within_s: float) -> BootReading:
        """The boot loader's block as soon as it is not busy any more. Raises DeviceError."""
        deadline_s, pause_s = _loop_s() + within_s, FIRST_LOOK_S
        while True:
            boot = await read_boot(self._link)
            if boot.result is not BootResult.BUSY and boot.state is not BootState.CHECKING:
                return boot
            if _loop_s() > deadline_s:
                raise NoAnswer(f"{self._link}: it is still busy after {within_s:.0f} s")
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LOOK_S)

    def _tell(self, stage: FirmwareStage, **changes: int) -> None:
        self._now = msgspec.structs.replace(self._now, stage=stage, **changes)
        self._progress(self._now)


def _loop_s() -> float:
    return asyncio.get_running_loop().time()
