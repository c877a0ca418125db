"""The main process: no threads, no event loop. Forks hub and services, reaps them, feeds systemd's watchdog, ends with
an exit code that tells whoever started it what to do next (architecture: exit codes).

It decides nothing about services: the hub says by name which to start and which to kill. Only the hub itself is its own
care: when that dies or hangs, everything is ended and started anew; charges go on meanwhile, inside their lease.
"""

from __future__ import annotations

import logging
import os
import pwd
import select
import signal
import socket
import stat
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from chargepoint import control, process
from chargepoint.common_pages import make_common
from chargepoint.hub_process import live_as_hub
from chargepoint.notify import ServiceNotifier
from chargepoint.restarts import OUT_OF_MEMORY, RestartRule, after_death
from chargepoint.services import HUB, Service, World
from chargepoint.vocabulary import StopSource

log = logging.getLogger(__name__)

CRASHED = 1
REFUSED = 3
"""Exit code when this data directory, or the account of the services, cannot be used."""
OCCUPIED = 4
"""Exit code when another station runs on this data directory: that says nothing of this one (slots.py)."""

SIGNAL_BUDGET_S = 3.0
TWICE_S = 0.5
"""A second signal this long after the first means: at once."""
MARGIN_S = 0.3
"""What the launcher waits beyond the hub's own budget."""
GONE_GRACE_S = 0.3
"""After the hub's death its services see the end of their bus; those that do not are killed."""
TICK_S = 1.0
HUB_RESTARTS = RestartRule(delays_s=(0.0, 0.5, 2.0, 5.0, 10.0, 20.0), settled_s=60.0, parked_after=8)

SHARED_MODULES = (
    "concurrent.futures.thread",
    "chargepoint.station.service",
    "chargepoint.rfid",
    "drivers.ports.serial",
    "fota.service",
    "diag.service",
)
"""Imported before the forks. `station` for its own sake: a restarted one is back in half the time. The others are
small, and an import in a process of their own makes private what it touches: 2 MiB in each for half as much that is
imported. `ocpp` has so much of its own that nothing would be saved; it would only begin later."""

STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class Options:
    """How to launch. `drops_privileges`: each service runs under an account of its own (only as root)."""

    drops_privileges: bool = False


@dataclass
class _Child:
    service: Service
    pid: int


class Launcher:
    """`run` once, holding the lock of the data directory; returns the exit code."""

    def __init__(self, world: World, options: Options) -> None:
        self._world = world
        self._options = options
        self._notifier = ServiceNotifier()
        self._children: dict[int, _Child] = {}
        self._hub: _Child | None = None
        self._control: socket.socket | None = None
        self._unsent: deque[tuple[control.Word, socket.socket | None]] = deque()
        self._hub_beat_s = 0.0
        self._is_up = False
        self._fed_s = 0.0
        self._leaving: int | None = None  # the exit code, once an orderly stop is under way
        self._deadline_s = 0.0
        self._left: int | None = None
        self._signalled_s: float | None = None
        self._wakeup = -1

    def run(self) -> int:
        """Until the station ends."""
        make_common(SHARED_MODULES)
        self._catch_signals()
        return self._run()

    def _run(self) -> int:
        deaths = 0
        while True:
            born_s = time.monotonic()
            self._begin()
            self._watch()
            self._end_all()
            if self._leaving is not None:
                exit_code = self._left if self._left is not None else self._leaving
                log.info("ended, exit code %d", exit_code)
                return exit_code
            plan = after_death(HUB_RESTARTS, deaths, time.monotonic() - born_s)
            deaths = plan.deaths
            if plan.is_parked:
                log.critical("the hub died %d times in a row: giving up, exit code %d", deaths, CRASHED)
                return CRASHED
            log.error("everything is started anew in %g s", plan.delay_s)
            self._sleep(plan.delay_s)

    # ----------------------------------------------------------------------------------------------- beginning

    def _catch_signals(self) -> None:
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self._wakeup = reader
        for caught in (*STOPS, signal.SIGCHLD):
            signal.signal(caught, _noted_by_the_wakeup_descriptor)

    def _begin(self) -> None:
        """Fork the hub; it asks for the rest."""
        ours, its = control.pair()
        self._control, self._left, self._is_up = ours, None, False
        self._unsent.clear()
        self._hub_beat_s = time.monotonic() + HUB.start_limit_s - HUB.beat_limit_s
        pid = self._fork(HUB, its)
        its.close()
        self._hub = self._children[pid] = _Child(HUB, pid)
        log.info("hub: started (pid %d)", pid)
        if self._leaving is not None:  # asked to stop while nothing ran
            self._say(control.Leave(self._leaving, StopSource.APP_RESTART))

    def _fork(self, service: Service, sock: socket.socket) -> int:
        account = process.account_of(service.name) if self._options.drops_privileges else None
        self._give_folder(service, account)
        parent = os.getpid()
        pid = os.fork()
        if pid:
            return pid
        try:
            process.name_log_lines(service.name)
            process.become(service, {sock.fileno()}, parent, account)
            if service is HUB:
                live_as_hub(sock, self._world)
            process.live_as_service(service, sock, self._world)
        except BaseException:
            log.critical("%s: could not begin", service.name, exc_info=True)
        finally:
            os._exit(process.FAILED)

    def _give_folder(self, service: Service, account: pwd.struct_passwd | None) -> None:
        folder = self._world.folder(service.name)
        if account is not None and not service.is_root:
            for path in (folder, *folder.iterdir()):
                status = path.lstat()
                if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
                    log.error("%s: it has other names, too, and stays with its owner", path)
                    continue
                os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)

    # ------------------------------------------------------------------------------------------------ watching

    def _watch(self) -> None:
        """Carry words, reap, feed the watchdog, until the hub is gone or has left."""
        while self._hub_lives():
            self._wait(TICK_S)
            self._read_signals()
            self._read_hub()
            self._reap()
            self._send()
            now_s = time.monotonic()
            if not self._hub_lives():
                return
            if self._left is not None or (self._leaving is not None and now_s > self._deadline_s):
                if self._left is None:
                    log.error("the orderly stop took too long; what is left is killed")
                return
            if now_s - self._hub_beat_s > HUB.beat_limit_s:
                log.critical("the hub hangs, no beat for %.1f s; everything is ended", now_s - self._hub_beat_s)
                return
            self._feed_watchdog()

    def _hub_lives(self) -> bool:
        return self._hub is not None

    def _feed_watchdog(self) -> None:
        now_s = time.monotonic()
        if self._notifier.watchdog_s and now_s - self._fed_s >= self._notifier.watchdog_s:
            self._fed_s = now_s
            self._notifier.say("WATCHDOG=1")

    def _wait(self, timeout_s: float) -> None:
        """Until something happens, at most `timeout_s`, less when a deadline or the watchdog is nearer."""
        if self._leaving is not None:
            timeout_s = min(timeout_s, max(0.0, self._deadline_s - time.monotonic()))
        if self._notifier.watchdog_s:
            timeout_s = min(timeout_s, self._notifier.watchdog_s / 2)
        if self._unsent:
            timeout_s = min(timeout_s, 0.05)
        watched = [self._wakeup] + ([self._control.fileno()] if self._control is not None else [])
        select.select(watched, [], [], timeout_s)

    def _read_signals(self) -> None:
        with suppress(BlockingIOError):
            for number in os.read(self._wakeup, 4096):
                if number in STOPS:
                    self._stop_asked(signal.Signals(number))

    def _stop_asked(self, by: signal.Signals) -> None:
        now_s = time.monotonic()
        if self._leaving is None:
            log.info("%s: stopping in order, within %g s", by.name, SIGNAL_BUDGET_S)
            self._leave(0, SIGNAL_BUDGET_S)
            self._say(control.Leave(0, StopSource.APP_RESTART))
        elif self._signalled_s is None:  # a calm stop is under way; now it is to be a quick one
            self._deadline_s = min(self._deadline_s, now_s + SIGNAL_BUDGET_S + MARGIN_S)
        elif now_s - self._signalled_s > TWICE_S:
            log.warning("%s again: what is left is killed", by.name)
            self._deadline_s = now_s
        self._signalled_s = self._signalled_s or now_s

    def _leave(self, exit_code: int, budget_s: float) -> None:
        self._leaving = exit_code
        self._deadline_s = time.monotonic() + budget_s + MARGIN_S
        self._notifier.say_stopping(f"stopping, exit code {exit_code}")

    def _read_hub(self) -> None:
        while self._control is not None:
            try:
                word = control.receive_in_launcher(self._control)
            except BlockingIOError:
                return
            except (OSError, msgspec.MsgspecError) as error:
                log.critical("the hub cannot be understood: %s", error)
                word = None
            if word is None:
                self._control.close()
                self._control = None
                if self._hub is not None:  # alive or not: without words it is of no use
                    with suppress(ProcessLookupError):
                        os.kill(self._hub.pid, signal.SIGKILL)
                return
            self._obey(word)

    def _obey(self, word: control.ToLauncher) -> None:
        match word:
            case control.HubBeat():
                self._hub_beat_s = time.monotonic()
                if not self._is_up:
                    self._is_up = True
                    self._notifier.say("READY=1", "STATUS=running")
            case control.Start(name):
                self._start(name)
            case control.Kill(name):
                for child in list(self._children.values()):
                    if child.service.name == name:
                        os.kill(child.pid, signal.SIGKILL)
            case control.Leaving(exit_code, budget_s):
                if self._leaving is None:
                    self._leave(exit_code, budget_s)
            case control.Left(exit_code):
                self._left = exit_code

    def _start(self, name: str) -> None:
        if any(child.service.name == name for child in self._children.values()):
            return  # the one before is not reaped yet; its end is reported first, then the hub asks again
        try:
            ours, its = socket.socketpair()
            pid = self._fork(self._world.service(name), ours)
        except (OSError, KeyError) as error:
            log.error("%s: cannot be started: %s", name, error)
            self._say(control.CouldNotStart(name, str(error)))
            return
        ours.close()
        self._children[pid] = _Child(self._world.service(name), pid)
        self._say(control.Started(name, pid), its)

    def _reap(self) -> None:
        for pid in list(self._children):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found != pid:
                continue
            child = self._children.pop(pid)
            how = _in_words(status)
            if child is self._hub:
                self._hub = None
                if self._left is None and self._control is not None:
                    self._read_hub()  # its last words
                if self._left is None:
                    log.critical("hub: died (%s)", how)
            else:
                log.debug("%s: reaped (%s)", child.service.name, how)
                self._say(control.Ended(child.service.name, pid, how))

    def _say(self, word: control.Word, sock: socket.socket | None = None) -> None:
        self._unsent.append((word, sock))
        self._send()

    def _send(self) -> None:
        while self._unsent and self._control is not None:
            word, sock = self._unsent[0]
            try:
                control.send(self._control, word, sock.fileno() if sock is not None else None)
            except BlockingIOError:
                return
            except OSError:
                self._forget_unsent()
                return
            self._unsent.popleft()
            if sock is not None:
                sock.close()

    def _forget_unsent(self) -> None:
        for _, sock in self._unsent:
            if sock is not None:
                sock.close()
        self._unsent.clear()

    # -------------------------------------------------------------------------------------------------- ending

    def _end_all(self) -> None:
        """Nothing of this run is left when this returns: give a moment to end by themselves, then kill."""
        self._forget_unsent()
        if self._hub is not None and self._left is None:
            with suppress(ProcessLookupError):
                os.kill(self._hub.pid, signal.SIGKILL)
        patience_s = time.monotonic() + GONE_GRACE_S
        is_killed = False
        while self._children:
            if time.monotonic() >= patience_s and not is_killed:
                is_killed = True
                for child in self._children.values():
                    log.warning("%s (pid %d): killed", child.service.name, child.pid)
                    os.kill(child.pid, signal.SIGKILL)
            self._sleep(0.01)
            for pid in list(self._children):
                if os.waitpid(pid, os.WNOHANG)[0] == pid:
                    del self._children[pid]
        self._hub = None
        if self._control is not None:
            self._control.close()
            self._control = None

    def _sleep(self, seconds: float) -> None:
        """Sleep, but hear signals, and go on feeding the watchdog."""
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0 and (self._leaving is None or self._children):
            select.select([self._wakeup], [], [], min(left_s, 0.5))
            self._read_signals()
            self._feed_watchdog()


def _noted_by_the_wakeup_descriptor(_number: int, _frame: object) -> None:
    """The handler itself does nothing: the number stands in the wakeup pipe."""


def _in_words(status: int) -> str:
    """A wait status for people."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return f"signal {-code} ({signal.Signals(-code).name})"
    words = {0: "ended by itself", process.HUB_GONE: "the bus ended", process.OUT_OF_MEMORY: OUT_OF_MEMORY}
    return words.get(code, f"exit code {code}")
