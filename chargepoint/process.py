"""The child's side of a fork: limits, account, signals; then its service until it ends by `os._exit` in every case."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
import pwd
import resource
import signal
import socket
import stat
import struct
import sys
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from chargepoint.bus import Bus
from chargepoint.config_upkeep import LogSettings
from chargepoint.log_files import KindHandler, kinds_of
from chargepoint.services import HubGone, Service, World, run_service

log = logging.getLogger(__name__)

FAILED = 1
HUB_GONE = 75
OUT_OF_MEMORY = 71
"""The service wanted more than its `memory_bytes`."""

UNCARED_FOR = 4
"""A log file nobody moves aside grows to so many times its size, no further."""
LOG_FORMAT = "%(asctime)s {name:8} %(levelname)-8s %(name)s: %(message)s"

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_KEEPCAPS = 8
_CAPABILITY_VERSION_3 = 0x20080522
_libc = ctypes.CDLL(None, use_errno=True)

IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""A terminal's Ctrl-C reaches every process; services obey the hub instead, so that all stops in order."""


def start_logging(name: str, level: str, file: Path | None) -> None:
    """Log lines of this process carry its name and go to standard error, and to `file` when there is one.

    Raises OSError when the file cannot be opened.
    """
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if file is not None:
        handlers.append(logging.FileHandler(file, encoding="utf-8"))
    logging.basicConfig(level=level.upper(), handlers=handlers, force=True)
    name_log_lines(name)
    for chatty in ("asyncio", "aiosqlite", "websockets", "pymodbus"):
        logging.getLogger(chatty).setLevel(max(logging.INFO, logging.getLogger().level))


def keep_log_by_kind(name: str, folder: Path, settings: LogSettings) -> None:
    """Log lines go to the files of `folder` too, by kind, from the level of [logs] on; whatever goes to standard error.

    `folder` exists (`log_files.make_folder`).
    """
    level = settings.level
    largest = {"error": settings.error_mib, "info": settings.info_mib, "debug": settings.debug_mib}
    root = logging.getLogger()
    wished = logging.getLevelName(level.upper())
    for handler in root.handlers:  # these stay as they are when more is kept than shown
        if handler.level < root.level:
            handler.setLevel(root.level)
    for kind in kinds_of(level):
        handler = KindHandler(folder, kind, time.monotonic, UNCARED_FOR * largest[kind] << 20)
        handler.setLevel(max(handler.level, wished))
        handler.renew(name)
        root.addHandler(handler)
    root.setLevel(min(root.level, wished))


def name_log_lines(name: str) -> None:
    """After a fork: the same handlers, another name."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, KindHandler):
            handler.renew(name)
            continue
        handler.setFormatter(logging.Formatter(LOG_FORMAT.replace("{name:8}", f"{name:8}")))


def log_descriptors() -> set[int]:
    """Descriptors that the log is written to."""
    return {h.stream.fileno() for h in logging.getLogger().handlers if isinstance(h, logging.FileHandler) and h.stream}


def account_of(service: str) -> pwd.struct_passwd | None:
    """The account a service drops to: `chargepoint-NAME`, else `chargepoint`; None when neither exists."""
    for name in (f"chargepoint-{service}", "chargepoint"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    return None


def closed_to_others(folders: Iterable[Path]) -> Path | None:
    """The first folder on the way to one of `folders` that only its owner may enter; None when all are open."""
    for folder in folders:
        for step in (*reversed(folder.resolve().parents), folder.resolve()):
            if not step.stat().st_mode & stat.S_IXOTH:
                return step
    return None


def become(service: Service, keep: set[int], parent: int, account: pwd.struct_passwd | None) -> None:
    """Turn a fresh fork into the process of `service`. Raises OSError when it cannot be made safe."""
    signal.set_wakeup_fd(-1)
    for ignored in IGNORED:
        signal.signal(ignored, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _close_all_but({0, 1, 2, *keep, *log_descriptors()})
    _prctl(_PR_SET_NAME, ctypes.c_char_p(f"cp-{service.name}"[:15].encode()))
    with suppress(OSError):  # to be killed later than others is a right of root
        Path("/proc/self/oom_score_adj").write_bytes(b"%d" % service.oom_score)
    _limit(resource.RLIMIT_DATA, service.memory_bytes)
    _limit(resource.RLIMIT_NOFILE, service.descriptors)
    _limit(resource.RLIMIT_CORE, 0)
    if account is not None and not service.is_root:
        os.initgroups(account.pw_name, account.pw_gid)
        os.setgid(account.pw_gid)
        if service.capabilities:
            _prctl(_PR_SET_KEEPCAPS, 1)
        os.setuid(account.pw_uid)
        if service.capabilities:
            _keep_only(service.capabilities)
    if service.nice:
        os.nice(service.nice)
    if not service.is_root:
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:  # it died before we asked for a signal
        os._exit(HUB_GONE)


def live(name: str, work: Callable[[], Coroutine[Any, Any, int]]) -> NoReturn:
    """Run `work` to its end; its result is the exit code. An escaping exception is a death, never a hanging process."""
    code = FAILED
    try:
        gc.enable()
        code = asyncio.run(work())
    except HubGone:
        code = HUB_GONE
    except BaseException as error:
        code = OUT_OF_MEMORY if is_out_of_memory(error) else FAILED
        log.critical("%s: ended by an exception", name, exc_info=True)
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a MemoryError ended it, alone or among others."""
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(MemoryError) is not None
    return isinstance(error, MemoryError)


def live_as_service(service: Service, sock: socket.socket, world: World) -> NoReturn:
    """The rest of a service's process."""

    async def work() -> int:
        bus = Bus(service.name, sock)
        # without the hub nothing can be done in order: leave at once, so that the next one adopts what runs
        await run_service(service, bus, world, on_hub_gone=lambda: os._exit(HUB_GONE))
        return 0

    live(service.name, work)


def _limit(what: int, value: int) -> None:
    _, hard = resource.getrlimit(what)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(what, (value, value))


def _prctl(option: int, argument: Any) -> None:
    if _libc.prctl(option, argument, 0, 0, 0) != 0:
        log.warning("prctl %d: %s", option, os.strerror(ctypes.get_errno()))


def _keep_only(capabilities: Iterable[int]) -> None:
    """Of the rights of root that were kept over the change of account, keep these, and not for what is started from
    here. Raises OSError: with all of them it must not go on."""
    bits = sum(1 << number for number in capabilities)
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    halves = [(bits >> shift) & 0xFFFFFFFF for shift in (0, 32)]
    data = b"".join(struct.pack("=III", half, half, 0) for half in halves)  # effective, permitted, inheritable
    if _libc.capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), f"capset: {os.strerror(ctypes.get_errno())}")


def _close_all_but(keep: set[int]) -> None:
    for entry in list(Path("/proc/self/fd").iterdir()):
        if int(entry.name) not in keep:
            with suppress(OSError):  # the listing's own descriptor is closed already
                os.close(int(entry.name))
