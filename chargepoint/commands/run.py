"""`chargepoint run`: the charging station."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from typing import cast

from chargepoint import process, trial
from chargepoint.commands.manual import page
from chargepoint.config import Secrets, load_secrets, load_with_fallback
from chargepoint.config_faults import ConfigError
from chargepoint.context import folder_of
from chargepoint.data_lock import Occupied, Refusal, data_lock
from chargepoint.hub import EXIT_CODES
from chargepoint.launcher import CRASHED, OCCUPIED, REFUSED, Launcher, Options
from chargepoint.layout import Layout
from chargepoint.log_files import make_folder
from chargepoint.safe_mode import rescued
from chargepoint.services import World
from chargepoint.vocabulary import StopSource

CODE = (Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[1])
"""Where the program and its interpreter lie: what services must be able to read."""
SUMMARY = "run the charging station"
DEFAULT_CONFIG = Path("/etc/chargepoint/station.toml")
DEFAULT_DATA = Path("/var/lib/chargepoint")

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments and help of the command."""
    parser.add_argument(
        "--config",
        type=Path,
        default=DEFAULT_CONFIG,
        metavar="FILE",
        help=f"the station file; default: {DEFAULT_CONFIG}",
    )
    parser.add_argument(
        "--data", type=Path, default=DEFAULT_DATA, metavar="DIR", help=f"all that is kept; default: {DEFAULT_DATA}"
    )
    parser.add_argument("--one-process", action="store_true", help="all services in one event loop, for debugging")
    parser.add_argument(
        "--drop-privileges", action=argparse.BooleanOptionalAction, default=None,
        help="as root: each service under its own account, chargepoint-NAME or else chargepoint; "
        "default: when there is an account chargepoint",
    )  # fmt: skip
    parser.add_argument(
        "--really", action="store_true", help="let the helper carry out its deeds (reboot, set the clock, install); "
        "without it they are only written down"
    )  # fmt: skip
    parser.add_argument(
        "--safe-mode", action=argparse.BooleanOptionalAction, default=True,
        help="when the station file cannot be used, run only the web pages that repair it; "
        "default: yes, unless its [web] says is_fitted = false",
    )  # fmt: skip
    parser.add_argument(
        "--slots", type=Path, default=Layout().slots, metavar="DIR",
        help="where updates are installed; written by root only, see scripts/start.sh",
    )  # fmt: skip
    parser.add_argument(
        "--factory", type=Path, default=Layout().factory, metavar="DIR", help="the software as it was first installed"
    )
    parser.add_argument(
        "--keys", type=Path, default=Layout().keys, metavar="DIR", help="keys that updates are checked with"
    )
    parser.add_argument(
        "--logs", type=Path, metavar="DIR", help="keep the log there, by kind, for archives; see [logs]"
    )
    parser.add_argument("--log", type=Path, metavar="FILE", help="write the log to FILE as well as to standard error")
    parser.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), default="info", help="default: info"
    )
    page(
        parser,
        """
        Runs a station until it is stopped. A launcher forks a hub, which carries the messages between the services, and
        one process for each service: station (the only one that touches energy), ocpp, rfid where there are readers,
        and helper while it is asked for something. A service that dies or hangs is started again by itself, and charges
        go on: a controller holds its permission for five seconds without being told anything, and a restarted station
        takes the running charges over.

        Ctrl-C, SIGTERM and SIGHUP stop in order, within three seconds: the doors first, then the charges, each with its
        end in the journal, then the link to the central system. A second signal ends at once; then, too, every
        contactor opens by itself and the journal is whole.

        A station file that is damaged or lost does not stop a station that has run with it before: the last good copy
        of it serves, and the log says what is wrong. Where there is no such copy, only hub and web pages run (safe
        mode): no charge, but log-in, the faults, and what repairs them; applying a good file starts everything. With
        --no-safe-mode it is refused instead.

        Under systemd (Type=notify) it reports when it is up and feeds the watchdog. With --one-process there is nothing
        that could restart a service that blocks; use it for debugging only.
        """,
        exit_status={
            **cast("dict[int | str, str]", EXIT_CODES),
            CRASHED: "the configuration cannot be used, or the hub cannot live; standard error says why",
            2: "wrong use",
            REFUSED: "the data directory cannot be written to, or the services' account cannot be used",
            OCCUPIED: "another station runs on this data directory",
        },
        files={
            "DIR/station": "journal, history and all that must be remembered",
            "DIR/hub": "settings changed at run time, users, the socket of the other commands",
            "DIR/ocpp": "what the central system has acknowledged, cards it knows",
            "DIR/helper/deeds.jsonl": "privileged deeds that were asked for",
            "secrets.toml": "beside the station file, mode 0600",
        },
        examples={
            "chargepoint run --config station.toml --data data": "on a laptop, as yourself",
            "chargepoint run --log-level debug --log station.log": "with every poll in the log",
        },
    )


def run(arguments: argparse.Namespace) -> int:
    """The exit code of the station. Raises ConfigError when it cannot begin for its configuration."""
    try:
        process.start_logging("launcher", arguments.log_level, arguments.log)
    except OSError as error:
        print(f"chargepoint run: log file {arguments.log}: {error.strerror}", file=sys.stderr)
        return CRASHED
    try:
        with data_lock(arguments.data):
            return _run(arguments)
    except Refusal as refusal:
        print(f"chargepoint run: {refusal}", file=sys.stderr)
        return OCCUPIED if isinstance(refusal, Occupied) else REFUSED


def _run(arguments: argparse.Namespace) -> int:
    """With the data directory held: nobody else keeps or reads a last good copy there meanwhile."""
    config = arguments.config.absolute()
    about_trial = trial.at_start(folder_of(arguments.data, "hub"), config)
    if about_trial:
        log.warning("%s", about_trial)
    try:
        world = _world(arguments, config)
    except ConfigError as error:
        world = _safe_mode(arguments, config, error)
    _keep_log(world)
    if arguments.one_process:
        return asyncio.run(_one_process(world))
    return Launcher(world, Options(drops_privileges=_drops_privileges(arguments.drop_privileges))).run()


def _keep_log(world: World) -> None:
    """By kind, where `--logs` says; a folder that cannot be made is no reason not to charge."""
    if world.logs is None:
        return
    try:
        make_folder(world.logs)
    except OSError as error:
        log.error("--logs %s: %s; the log goes to standard error only", world.logs, error.strerror)
        return
    process.keep_log_by_kind("launcher", world.logs, world.settings.logs)


def _world(arguments: argparse.Namespace, config: Path) -> World:
    """The station. Raises ConfigError."""
    loaded = load_with_fallback(arguments.config, arguments.data)
    for fault in loaded.damage:
        log.error("%s", fault)
    if loaded.damage:
        log.error("%s cannot be used; %s serves in its place", arguments.config, loaded.source)
    return World(
        settings=loaded.settings,
        secrets=load_secrets(arguments.config),
        data=arguments.data.absolute(),
        config_damage=tuple(str(fault) for fault in loaded.damage),
        config=config,
        is_really=arguments.really,
        logs=arguments.logs and arguments.logs.absolute(),
        layout=Layout(factory=arguments.factory, slots=arguments.slots, keys=arguments.keys),
    )


def _safe_mode(arguments: argparse.Namespace, config: Path, error: ConfigError) -> World:
    """Hub and web pages only, to repair what is wrong. Raises the error when that is not wished, or not possible."""
    settings = rescued(config)
    if not arguments.safe_mode or not settings.web.is_fitted:
        raise error
    for fault in error.faults:
        log.critical("%s", fault)
    log.critical("there is no station: only its web pages run, to repair that (safe mode; --no-safe-mode ends instead)")
    return World(
        settings=settings,
        secrets=Secrets(),
        data=arguments.data.absolute(),
        safe_mode=tuple(str(fault) for fault in error.faults),
        config=config,
        is_really=arguments.really,
        logs=arguments.logs and arguments.logs.absolute(),
        layout=Layout(factory=arguments.factory, slots=arguments.slots, keys=arguments.keys),
    )


def _drops_privileges(wish: bool | None) -> bool:
    if os.geteuid() != 0:
        return False  # whoever is not root has nothing to drop
    has_account = process.account_of("station") is not None
    if wish and not has_account:
        raise Refusal(
            "--drop-privileges: there is no account chargepoint. Make it (useradd --system chargepoint), "
            "or leave the option out."
        )
    if not has_account and wish is None:
        log.warning(
            "every service runs as root, for there is no account chargepoint. Make it (useradd --system chargepoint), "
            "or say --no-drop-privileges"
        )
    drops = has_account if wish is None else wish
    closed = process.closed_to_others(CODE) if drops else None
    if closed is not None:
        raise Refusal(
            f"the account chargepoint cannot read this program: {closed} is closed to others. "
            "Install it where services can read it (for example under /opt), or say --no-drop-privileges."
        )
    return drops


async def _one_process(world: World) -> int:
    from chargepoint.one_process import House
    from chargepoint.wall_time import system_offset_s

    async with House(world, system_offset=system_offset_s) as house:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, house.hub.leave, 0, StopSource.APP_RESTART)
        return await house.wait()
