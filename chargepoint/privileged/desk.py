"""Serves network and time to the bus: reads at once, changes one after another, each written down.

What the last change was is kept in `network.json` of the helper's folder, so that a helper that was ended meanwhile
still knows what is pending; whether it is, NetworkManager says.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from chargepoint.context import Context
from chargepoint.messages import (
    ActionResult,
    ChangeNetwork,
    KeepNetwork,
    NetworkPage,
    NetworkTrial,
    ReadNetwork,
    ReadTime,
    SecurityNoted,
    TimePage,
    UndoNetwork,
)
from chargepoint.privileged import rules
from chargepoint.privileged.dbus import NotThere, Refused, SystemBus, system_bus

log = logging.getLogger(__name__)

KEPT = "network.json"
ACTIVATE_AFTER_S = 1.0
"""So long a change waits, for the answer to reach the browser before its way there is gone."""
UNCHANGED = "Written down only: this station does not run with --really."
Write = Callable[[str, str, str, dict[str, str], str], None]
"""deed, by, sender, arguments without secrets, outcome."""


class LastChange(msgspec.Struct, frozen=True, kw_only=True):
    """The change that was made last: D-Bus objects of checkpoint and profile, and what people are told of it."""

    checkpoint: str
    profile: str
    trial: NetworkTrial


class Desk:
    """Serves ReadNetwork, ChangeNetwork, KeepNetwork, UndoNetwork, ReadTime."""

    def __init__(self, context: Context, write: Write) -> None:
        self._context = context
        self._lock = asyncio.Lock()  # of its own: Keep must not wait for a package that is installed
        self._write = write
        self._activating: asyncio.Task[None] | None = None
        self._unwritten: LastChange | None = None
        """What became of the last change, while the disk does not take it."""
        bus = context.bus
        bus.serve(ReadNetwork, self._read_network)
        bus.serve(ReadTime, self._read_time)
        bus.serve(ChangeNetwork, self._change)
        bus.serve(KeepNetwork, self._keep)
        bus.serve(UndoNetwork, self._undo)

    async def _read_network(self, request: ReadNetwork, _sender: str) -> NetworkPage:
        from chargepoint.privileged.network_read import read_network

        try:
            async with system_bus() as bus:
                page = await read_network(bus, scan=request.scan)
                trial = await self._trial(bus)
        except (NotThere, Refused) as error:
            return NetworkPage(reason=str(error), is_really=self._context.is_really)
        return msgspec.structs.replace(page, trial=trial, is_really=self._context.is_really)

    async def _read_time(self, _request: ReadTime, _sender: str) -> TimePage:
        from chargepoint.privileged.machine_time import read_time

        try:
            async with system_bus() as bus:
                page = await read_time(bus)
        except (NotThere, Refused) as error:
            return TimePage(reason=str(error), is_really=self._context.is_really)
        return msgspec.structs.replace(page, is_really=self._context.is_really)

    # ------------------------------------------------------------------------------------------------- changes

    async def _change(self, wish: ChangeNetwork, sender: str) -> ActionResult:
        wrong = rules.faults(wish)
        if wrong:
            text = "; ".join(f"{name}: {why}" for name, why in wrong.items())
            log.warning("%s asked for a network that cannot be: %s", sender, text)
            self._tell(wish, sender, f"refused: {text}")
            return ActionResult(ok=False, code="invalid", text=text, values=wrong)
        if not self._context.is_really:
            self._tell(wish, sender, "recorded")
            return ActionResult(ok=True, code="recorded", text=UNCHANGED)
        async with self._lock:
            result = await self._guarded(lambda bus: self._changed(bus, wish))
        self._tell(wish, sender, result.text if not result.ok else f"done, to be kept within {wish.within_s} s")
        return result

    async def _changed(self, bus: SystemBus, wish: ChangeNetwork) -> ActionResult:
        from chargepoint.privileged.network_change import CannotBe, prepare, undo

        try:
            checkpoint, profile, device = await prepare(bus, wish)
        except CannotBe as error:
            return ActionResult(ok=False, code=error.code, text=str(error))
        trial = NetworkTrial(
            device=wish.device,
            by=wish.by[:150],
            outcome="pending",
            words=words_of(wish),
            address=wish.address.partition("/")[0] if wish.method == "manual" else "",
            left_s=float(wish.within_s),
        )
        last = LastChange(checkpoint=checkpoint, profile=profile, trial=trial)
        try:
            self._remember(last)
        except OSError as error:  # nobody could keep it
            await undo(bus, checkpoint)
            text = f"The change cannot be written down ({error.strerror}): nothing is changed. Make room on the disk."
            return ActionResult(ok=False, code="failed", text=text)
        self._activating = asyncio.create_task(self._activate(last, device), name="network change")
        log.warning("network device %s changed by %s: %s", wish.device, wish.by, trial.words)
        return ActionResult(ok=True, code="ok", text=f"Changed; it returns in {wish.within_s} s unless it is kept.")

    async def _activate(self, last: LastChange, device: str) -> None:
        """Take the changed profile, once the answer to who asked has gone out by the network as it was."""
        from chargepoint.privileged.network_change import activate, undo

        await asyncio.sleep(ACTIVATE_AFTER_S)
        async with self._lock:
            try:
                async with system_bus() as bus:
                    try:
                        await activate(bus, last.profile, device)
                    except Refused as error:
                        log.warning("network device %s: %s", last.trial.device, error)
                        await undo(bus, last.checkpoint)
                        self._settle(last, "failed")
            except (NotThere, Refused) as error:  # the checkpoint undoes it by itself
                log.warning("network device %s cannot be changed: %s", last.trial.device, error)

    async def finish(self) -> None:
        """Wait for a change that is on its way."""
        if self._activating is not None:
            await self._activating

    async def _keep(self, request: KeepNetwork, sender: str) -> ActionResult:
        async with self._lock:
            result = await self._guarded(lambda bus: self._ended(bus, "kept", request.by))
        self._write("keep_network", request.by, sender, {}, result.text or "done")
        self._note("keep_network", request.by, sender, result)
        return result

    async def _undo(self, request: UndoNetwork, sender: str) -> ActionResult:
        async with self._lock:
            result = await self._guarded(lambda bus: self._ended(bus, "undone", request.by))
        self._write("undo_network", request.by, sender, {}, result.text or "done")
        self._note("undo_network", request.by, sender, result)
        return result

    async def _ended(self, bus: SystemBus, outcome: str, by: str) -> ActionResult:
        from chargepoint.privileged.network_change import checkpoints, keep, undo

        last = self._last()
        if last is None or last.checkpoint not in await checkpoints(bus):
            return ActionResult(ok=False, code="nothing", text="No change is pending any more.")
        if outcome == "kept":
            await keep(bus, last.checkpoint, last.profile)
        else:
            await undo(bus, last.checkpoint)
        self._settle(last, outcome)
        log.warning("network device %s: the change is %s by %s", last.trial.device, outcome, by)
        return ActionResult(ok=True, code="ok")

    async def _guarded(self, deed: Callable[[SystemBus], Awaitable[ActionResult]]) -> ActionResult:
        try:
            async with system_bus() as bus:
                return await deed(bus)
        except NotThere as error:
            return ActionResult(ok=False, code="unavailable", text=f"Not available: {error}.")
        except Refused as error:
            return ActionResult(ok=False, code="failed", text=f"NetworkManager refused: {error}.")

    # -------------------------------------------------------------------------------------------------- memory

    async def _trial(self, bus: SystemBus) -> NetworkTrial | None:
        """The last change as it is now: one whose checkpoint is gone has returned by itself."""
        from chargepoint.privileged.network_change import checkpoints

        last = self._last()
        if last is None or last.trial.outcome != "pending":
            return last.trial if last else None
        left_s = (await checkpoints(bus)).get(last.checkpoint)
        if left_s is not None:
            return msgspec.structs.replace(last.trial, left_s=left_s)
        log.warning("network device %s: nobody kept the change, it has returned", last.trial.device)
        return self._settle(last, "returned").trial

    def _settle(self, last: LastChange, outcome: str) -> LastChange:
        trial = msgspec.structs.replace(last.trial, outcome=outcome, left_s=0.0)
        settled = msgspec.structs.replace(last, trial=trial)
        try:
            self._remember(settled)
        except OSError as error:  # what NetworkManager did stays done
            self._unwritten = settled
            log.error("what became of the change of %s cannot be written down: %s", last.trial.device, error)
        return settled

    def _remember(self, last: LastChange) -> None:
        path = self._path()
        beside = path.with_suffix(".new")
        beside.write_bytes(msgspec.json.encode(last))
        beside.replace(path)
        self._unwritten = None

    def _last(self) -> LastChange | None:
        if self._unwritten is not None:
            return self._unwritten
        try:
            return msgspec.json.decode(self._path().read_bytes(), type=LastChange)
        except (OSError, msgspec.MsgspecError):
            return None

    def _path(self) -> Path:
        return self._context.data / KEPT

    def _tell(self, wish: ChangeNetwork, sender: str, outcome: str) -> None:
        self._write("change_network", wish.by, sender, {"device": wish.device, "change": words_of(wish)}, outcome)
        self._note("change_network", wish.by, sender, ActionResult(ok=True, code="", text=outcome))

    def _note(self, operation: str, by: str, sender: str, result: ActionResult) -> None:
        self._context.bus.publish(
            SecurityNoted(
                type="PrivilegedDeed",
                source_type="service",
                source=sender,
                operation=operation,
                extra=f"{result.text or 'done'}; by {by[:150]}"[:500],
            )
        )


def words_of(wish: ChangeNetwork) -> str:
    """What a change is, without its secrets."""
    parts = [wish.method, wish.address, f"gateway {wish.gateway}" if wish.gateway else ""]
    parts += [f"DNS {', '.join(wish.dns)}" if wish.dns else ""]
    parts += [f"priority {wish.priority}" if wish.priority is not None else ""]
    parts += [f"Wi-Fi {wish.ssid}" if wish.ssid else "", f"APN {wish.apn}" if wish.apn else ""]
    return " ".join(part for part in parts if part)[:300]
