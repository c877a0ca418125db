"""The service `helper`: the few privileged deeds, from a fixed list, each with checked arguments.

By default it only writes down what it would do (`deeds.jsonl` in its folder) and never touches the machine; with
`chargepoint run --really` it does it, too. Programs are called by argument lists, never through a shell (S9).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from chargepoint import activation
from chargepoint.bus import Unavailable
from chargepoint.clock import Clock, unix_of
from chargepoint.context import Context
from chargepoint.messages import ActionResult, PrivilegedDeed, SecurityNoted, TechnicianState
from chargepoint.privileged import machine_time, network_change, power, rules, software
from chargepoint.privileged.dbus import NotThere, Refused, SystemBus, system_bus
from chargepoint.privileged.desk import Desk
from chargepoint.timekeeping import LATEST

log = logging.getLogger(__name__)

RECORD = "deeds.jsonl"
MAX_RECORD_BYTES = 1_000_000
PROGRAM_TIMEOUT_S = 300.0
BEAT_S = 1.0
TECHNICIAN_WITHIN_S = 2.0
"""A helper that just woke up is told by then who is logged in."""
FOTA = "fota"
ZONES = Path("/usr/share/zoneinfo")
TIME_SERVERS = Path("/etc/systemd/timesyncd.conf.d/chargepoint.conf")


class Argument(msgspec.Struct, frozen=True):
    """What an argument must look like; `words` says it to people."""

    pattern: re.Pattern[str]
    words: str


class Deed(msgspec.Struct, frozen=True):
    """One privileged deed: its arguments, all needed, and what carries it out."""

    name: str
    arguments: dict[str, Argument]
    carry_out: Callable[[dict[str, str], Clock], Awaitable[str]] | None
    """Returns an empty text, or why it could not be done."""
    words: str
    on_files: Callable[[dict[str, str], Context], Awaitable[ActionResult]] | None = None
    """In its place where it works on folders: those of the update service, the versions of the software, the keys."""
    is_lasting: bool = False
    """It takes minutes: the others do not wait for it, only its like."""
    asked_by: str = ""
    """The only service that may ask for it; empty: for those `on_files` the update service, else any that may ask."""


async def _program(*words: str) -> str:
    """Run a program to its end; empty, or what it complained of."""
    try:
        running = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )
    except OSError as error:
        return f"{words[0]}: {error.strerror}"
    try:
        async with asyncio.timeout(PROGRAM_TIMEOUT_S):
            said, _ = await running.communicate()
    except TimeoutError:
        running.kill()
        await running.wait()
        return f"{words[0]} did not end in {PROGRAM_TIMEOUT_S:g} s"
    return (
        ""
        if running.returncode == 0
        else f"{words[0]}: exit code {running.returncode}: {said[-300:].decode('utf-8', 'replace')}"
    )


async def _by_dbus(deed: Callable[[SystemBus], Awaitable[None]], *program: str) -> str:
    """Carry a deed out by D-Bus; where there is none, by a program, if one can do it."""
    try:
        async with system_bus() as bus:
            await deed(bus)
    except NotThere as error:
        return await _program(*program) if program else f"not available: {error}"
    except Refused as error:
        return f"refused: {error}"
    return ""


async def _reboot(_arguments: dict[str, str], _clock: Clock) -> str:
    return await _by_dbus(power.reboot, "systemctl", "reboot")


async def _power_off(_arguments: dict[str, str], _clock: Clock) -> str:
    return await _by_dbus(power.power_off, "systemctl", "poweroff")


NETWORKS = ("NetworkManager.service", "systemd-networkd.service", "networking.service")
"""What may carry the network; the first that runs is restarted."""


async def _restart_network(_arguments: dict[str, str], _clock: Clock) -> str:
    for unit in NETWORKS:
        if not await _program("systemctl", "is-active", "--quiet", unit):
            return await _program("systemctl", "restart", unit)
    return f"none of {', '.join(NETWORKS)} runs"


async def _set_clock(arguments: dict[str, str], clock: Clock) -> str:
    at = datetime.fromisoformat(arguments["at"]).astimezone(UTC)
    if not clock.floor <= at <= LATEST:
        return f"{at:%Y-%m-%d %H:%M:%S} cannot be: it must lie between {clock.floor:%Y-%m-%d} and {LATEST:%Y-%m-%d}"
    try:
        async with system_bus() as bus:
            await machine_time.set_time(bus, at)
        return ""
    except NotThere:
        pass
    except Refused as error:
        return f"refused: {error}"
    try:
        time.clock_settime(time.CLOCK_REALTIME, unix_of(at))
    except OSError as error:
        return f"the system's clock cannot be set: {error.strerror}"
    return ""


async def _set_time_zone(arguments: dict[str, str], _clock: Clock) -> str:
    zone = arguments["zone"]
    if not (ZONES / zone).is_file():
        return f"{zone} is in no table of time zones here"
    return await _by_dbus(lambda bus: machine_time.set_zone(bus, zone))


async def _set_ntp(arguments: dict[str, str], _clock: Clock) -> str:
    return await _by_dbus(lambda bus: machine_time.set_ntp(bus, arguments["on"] == "1"))


async def _set_time_servers(arguments: dict[str, str], _clock: Clock) -> str:
    """Written down for the next start, and told to the service that runs."""
    servers = arguments["servers"].split()
    try:
        TIME_SERVERS.parent.mkdir(parents=True, exist_ok=True)
        beside = TIME_SERVERS.with_suffix(".new")
        beside.write_text(f"[Time]\nNTP={' '.join(servers)}\n", encoding="ascii")
        beside.chmod(0o644)
        beside.replace(TIME_SERVERS)
    except OSError as error:
        return f"{TIME_SERVERS}: {error.strerror}"
    return await _by_dbus(lambda bus: machine_time.set_servers(bus, servers))


async def _set_hostname(arguments: dict[str, str], _clock: Clock) -> str:
    return await _by_dbus(lambda bus: network_change.set_hostname(bus, arguments["name"]))


def folder_of_fota(context: Context) -> Path:
    """The folder of the update service, beside the helper's own."""
    return context.data.parent / FOTA


async def _stage_package(arguments: dict[str, str], context: Context) -> ActionResult:
    file = folder_of_fota(context) / "packages" / arguments["package"]
    # of an unset clock that is the earliest time that can be true
    serial = activation.unit_serial(context.layout.keys, context.settings.station.charge_point_serial_number)
    earliest = context.clock.now()
    return await software.stage(file, context.layout, serial, earliest)


async def _keep_software(_arguments: dict[str, str], context: Context) -> ActionResult:
    return _done(await asyncio.to_thread(software.keep, context.layout))


async def _return_software(arguments: dict[str, str], context: Context) -> ActionResult:
    return _done(await asyncio.to_thread(software.give_back, context.layout, arguments["reason"]))


async def _forget_software(_arguments: dict[str, str], context: Context) -> ActionResult:
    return _done(await asyncio.to_thread(software.forget, context.layout))


async def _set_activation(arguments: dict[str, str], context: Context) -> ActionResult:
    at = context.clock.now() if context.clock.is_set else None
    is_on = arguments["on"] == "1"
    try:
        await asyncio.to_thread(activation.write, context.layout.keys, activated=is_on, by="a deed", at=at)
    except OSError as error:
        return _done(f"{context.layout.keys / activation.FILE}: {error.strerror}")
    return _done("")


async def _read_usb(_arguments: dict[str, str], context: Context) -> ActionResult:
    from chargepoint.privileged import usb

    if not await _is_technician_here(context):  # not the update service's word alone (S19)
        text = "A stick is read only while a technician is logged in at the station's screen."
        return ActionResult(ok=False, code="refused", text=text)
    settings = context.settings.update
    largest, floor_pct = settings.largest_mib << 20, settings.disk_floor_pct
    copied = await asyncio.to_thread(usb.read, folder_of_fota(context), largest, floor_pct)
    values = {"names": "\n".join(copied.names)}
    is_good = bool(copied.names) or not copied.problem
    return ActionResult(ok=is_good, code="ok" if is_good else "unavailable", text=copied.problem, values=values)


async def _is_technician_here(context: Context) -> bool:
    view = context.bus.watch("technician")
    try:
        async with asyncio.timeout(TECHNICIAN_WITHIN_S):
            state = await view.first("technician")
    except (TimeoutError, Unavailable):
        return False
    finally:
        view.close()
    return isinstance(state, TechnicianState) and bool(state.login)


def _done(error: str) -> ActionResult:
    return ActionResult(ok=not error, code="failed" if error else "ok", text=error)


_INSTANT = Argument(
    re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|\+00:00)"), "an instant in UTC, as 2026-03-01T12:00:00Z"
)
_PACKAGE = Argument(re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"), "the name of a package file")
_REASON = Argument(re.compile(r"[^\x00-\x1f\x7f]{1,200}"), "a reason in one line of at most 200 characters")
_ZONE = Argument(rules.ZONE, "a time zone, as Asia/Almaty")
_SWITCH = Argument(re.compile(r"[01]"), "0 or 1")
_SERVERS = Argument(
    re.compile(rf"(?:{rules.SERVER.pattern})(?: (?:{rules.SERVER.pattern})){{0,3}}", re.ASCII),
    "one to four names or addresses of time servers, with a blank between them",
)
_HOST = Argument(rules.HOST, "a host name: letters, digits and hyphens, at most 63")

DEEDS: dict[str, Deed] = {
    deed.name: deed
    for deed in (
        Deed("reboot", {}, _reboot, "restart the computer"),
        Deed("power_off", {}, _power_off, "switch the computer off"),
        Deed("restart_network", {}, _restart_network, "restart what carries the network"),
        Deed("set_clock", {"at": _INSTANT}, _set_clock, "set the system's clock"),
        Deed("set_time_zone", {"zone": _ZONE}, _set_time_zone, "set the time zone"),
        Deed("set_ntp", {"on": _SWITCH}, _set_ntp, "follow time servers, or do not"),
        Deed("set_time_servers", {"servers": _SERVERS}, _set_time_servers, "set the time servers"),
        Deed("set_hostname", {"name": _HOST}, _set_hostname, "name the computer"),
        Deed(
            "stage_package", {"package": _PACKAGE}, None, "verify a package and unpack it beside what runs",
            _stage_package, is_lasting=True,
        ),
        Deed("keep_software", {}, None, "keep the version that runs on trial", _keep_software),
        Deed(
            "return_software", {"reason": _REASON}, None, "run the version before from the next start",
            _return_software,
        ),
        Deed("forget_software", {}, None, "forget what was unpacked and not taken", _forget_software),
        Deed(
            "set_activation", {"on": _SWITCH}, None, "note that this unit is activated, or not", _set_activation,
            asked_by="hub",
        ),
        Deed("read_usb", {}, None, "copy the packages of a USB stick", _read_usb, is_lasting=True),
    )
}  # fmt: skip
"""All there is. What is not in this table cannot be asked for."""


def refusal(name: str, arguments: dict[str, str]) -> str:
    """Why the deed cannot be asked for so, in words for people; empty when it can."""
    deed = DEEDS.get(name)
    if deed is None:
        return f"There is no deed {name[:40]!r}, only: {', '.join(DEEDS)}."
    missing = [key for key in deed.arguments if key not in arguments]
    unknown = [key[:40] for key in arguments if key not in deed.arguments]
    if missing or unknown:
        wanted = ", ".join(deed.arguments) or "no arguments"
        return (
            f"{name} takes {wanted}; missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}."
        )
    for key, argument in deed.arguments.items():
        value = arguments[key]
        if not argument.pattern.fullmatch(value):
            return f"{name}: {key} = {value[:80]!r} is not {argument.words}."
    if "at" in arguments:
        try:
            datetime.fromisoformat(arguments["at"])
        except ValueError:
            return f"{name}: at = {arguments['at']!r} is no day and time of the calendar."
    return ""


def _not_for(deed: Deed, sender: str) -> str:
    only = deed.asked_by or (FOTA if deed.on_files is not None else "")
    if only in ("", sender):
        return ""
    return f"{deed.name} is for the {'update service' if only == FOTA else only}."


class Helper:
    """Carries deeds out one after another, each written down before and after."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._one_at_a_time = asyncio.Lock()
        self._lasting = asyncio.Lock()
        self._under_way = 0
        self.desk = Desk(context, self._write_change)
        context.bus.serve(PrivilegedDeed, self._asked)

    async def _asked(self, request: PrivilegedDeed, sender: str) -> ActionResult:
        why = refusal(request.name, request.arguments)
        why = why or _not_for(DEEDS[request.name], sender)
        if why:
            log.warning("%s asked for what cannot be: %s", sender, why)
            self._note(request, sender, f"refused: {why}")
            return ActionResult(ok=False, code="refused", text=why)
        deed = DEEDS[request.name]
        self._under_way += 1
        try:
            async with self._lasting if deed.is_lasting else self._one_at_a_time:
                return await self._carry_out(deed, request, sender)
        finally:
            self._under_way -= 1

    async def _carry_out(self, deed: Deed, request: PrivilegedDeed, sender: str) -> ActionResult:
        self._write(request, sender, "asked", "")
        if not self._context.is_really:
            log.info("%s, asked by %s (%s): written down only", request.name, request.by, sender)
            self._note(request, sender, "recorded")
            text = "Written down only: this station does not run with --really."
            return ActionResult(ok=deed.on_files is None, code="recorded" if deed.on_files else "ok", text=text)
        log.warning("%s, asked by %s (%s)", request.name, request.by, sender)
        if deed.on_files is not None:
            result = await deed.on_files(request.arguments, self._context)
        else:
            assert deed.carry_out is not None
            result = _done(await deed.carry_out(request.arguments, self._context.clock))
        self._write(request, sender, "done" if result.ok else "failed", "" if result.ok else result.text)
        self._note(request, sender, "done" if result.ok else result.text)
        return result

    async def beat(self) -> None:
        """Until asked to stop; awake while a deed is under way."""
        context = self._context
        while not context.stopping.is_set():
            context.beat(is_busy=self._under_way > 0)
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_S):
                    await context.stopping.wait()

    def _write_change(self, name: str, by: str, sender: str, arguments: dict[str, str], outcome: str) -> None:
        self._write(PrivilegedDeed(name=name, arguments=arguments, by=by), sender, outcome, "")

    def _write(self, request: PrivilegedDeed, sender: str, what: str, error: str) -> None:
        clock = self._context.clock
        line = {
            "what": what,
            "deed": request.name,
            "arguments": request.arguments,
            "by": request.by[:150],
            "sender": sender,
            "mode": "really" if self._context.is_really else "record",
            "boot_id": clock.boot_id,
            "mono_s": round(clock.mono(), 3),
            "at": clock.now().isoformat() if clock.is_set else None,
            "error": error,
        }
        try:
            append_line(self._context.data / RECORD, json.dumps(line, ensure_ascii=False))
        except OSError as error:  # a full disk is what a restart may help against; the journal has the deed, too
            log.error("%s, asked by %s: it cannot be written down: %s", request.name, request.by[:150], error)

    def _note(self, request: PrivilegedDeed, sender: str, outcome: str) -> None:
        self._context.bus.publish(
            SecurityNoted(
                type="PrivilegedDeed",
                source_type="service",
                source=sender,
                operation=request.name[:40],
                extra=f"{outcome}; by {request.by[:150]}"[:500],
            )
        )


def append_line(path: Path, line: str) -> None:
    """Add a line, durable; beyond 1 MB the file starts anew and one older generation is kept. Raises OSError."""
    if path.exists() and path.stat().st_size > MAX_RECORD_BYTES:
        path.replace(path.with_suffix(".1.jsonl"))
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


async def run(context: Context) -> None:
    """Serve PrivilegedDeed, network and time until asked to stop."""
    helper = Helper(context)
    context.ready()
    await helper.beat()
    await helper.desk.finish()
