"""`chargepoint firmware`: firmware of the controllers, written while the station is stopped."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, cast

import msgspec

from chargepoint.commands.manual import page
from chargepoint.config import ConfigError, ConnectorSettings, Settings, load_with_fallback
from chargepoint.context import folder_of
from chargepoint.controller_images import BadFile, Listed, listed, read
from chargepoint.data_lock import Refusal, data_lock
from chargepoint.layout import ON_THIS_MACHINE
from chargepoint.station.devices import open_controller
from chargepoint.station.staff.supply import is_board_low
from chargepoint.whole_file import write
from drivers.errors import DeviceError, NotWritten
from drivers.interfaces import ConnectorController, ControllerStatus, FirmwareProgress, Identity, UpdatesFirmware
from drivers.loading import UnknownDriver
from drivers.ports.opening import AnyPort, AnyWire, port_on, wire_of

SUMMARY = "write the firmware of the controllers while the station is stopped"
DEFAULT_DATA = Path("/var/lib/chargepoint")
DEFAULT_CONFIG = Path("/etc/chargepoint/station.toml")
REPORT = "firmware.json"
ANSWERS_WITHIN_S = 20.0
LOOK_S = 0.5


class Writable(ConnectorController, UpdatesFirmware, Protocol):
    """A connector controller that gets firmware."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one controller. `status`: done, same (it has this version already), skipped, failed."""

    connector: int
    image: str
    version: str
    status: str
    version_before: str = ""
    version_after: str = ""
    code: str = ""
    text: str = ""
    seconds: float = 0.0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What the last run did; `DATA/station/firmware.json`."""

    ok: bool
    at: float
    """Seconds since 1970, by the machine's clock."""
    rows: tuple[Row, ...] = ()
    problem: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments and help of the command."""
    parser.add_argument(
        "--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE", help=f"default: {DEFAULT_CONFIG}"
    )
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, metavar="DIR", help=f"default: {DEFAULT_DATA}")
    parser.add_argument(
        "--slots", type=Path, default=ON_THIS_MACHINE.slots, metavar="DIR",
        help=f"where `controllers` lies with the unpacked images; default: {ON_THIS_MACHINE.slots}",
    )  # fmt: skip
    parser.add_argument("--connector", type=int, metavar="N", help="only the controller of this connector")
    parser.add_argument("--image", choices=("MAIN", "MODULES"), help="only images of this kind")
    parser.add_argument("--attempts", type=_attempts, default=3, metavar="N", help="so often it is begun anew; 3")
    parser.add_argument("--again", action="store_true", help="write also what runs already")
    page(
        parser,
        """
        Writes what the list of controller images names (DIR/controllers/info.json, made by a controller package) to the
        controllers it is for, one after another: only where no vehicle is, and only where another version runs. A
        controller that was left in its boot loader by an update that did not end is brought back so.

        The station must be stopped: start.sh does that, and calls this when the station ended with exit code 11. While
        the station runs, give it the deed `update_controller` instead.

        What became of each controller is printed, and kept in DIR/station/firmware.json. A controller that fails holds
        up no other one. Its contactor stays open until it has whole firmware again.
        """,
        exit_status={
            0: "every controller has its version, or there was nothing to write",
            1: "a controller could not be written, or none could be asked; the report says why",
            2: "wrong use",
        },
        files={
            "DIR/controllers": "images and their list (--slots)",
            "DIR/station/firmware.json": "the report (--data)",
        },
        examples={
            "chargepoint firmware": "all that is on the list",
            "chargepoint firmware --connector 2 --again": "connector 2 once more",
        },
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0 or 1."""
    try:
        with data_lock(arguments.data):
            report = asyncio.run(update(arguments, wire_of))
            _keep(arguments.data, report)
    except (Refusal, ConfigError) as error:
        report = Report(ok=False, at=time.time(), problem=str(error))
    for row in report.rows:
        print(f"connector {row.connector}  {row.image:<8}{row.version:<17}{row.status:<8}{row.text}".rstrip())
    if report.problem:
        print(f"chargepoint firmware: {report.problem}", file=sys.stderr)
    elif not report.rows:
        print("There is nothing to write.")
    return 0 if report.ok else 1


async def update(arguments: argparse.Namespace, wire_for: Callable[..., AnyWire]) -> Report:
    """One controller after another. Raises ConfigError."""
    at = time.time()
    try:
        images = [each for each in listed(arguments.slots) if arguments.image in (None, each.type)]
    except BadFile as error:
        return Report(ok=False, at=at, problem=str(error))
    if images and is_board_low():
        return Report(ok=False, at=at, problem="The computer's own supply is too low; see to its power supply first.")
    settings = load_with_fallback(arguments.config, arguments.data).settings if images else None
    rows: list[Row] = []
    if settings is not None:
        for connector in settings.connector:
            if arguments.connector in (None, connector.number):
                rows += await _connector(connector, settings, images, arguments, wire_for)
    numbers = [each.number for each in settings.connector] if settings else []
    if settings is not None and arguments.connector is not None and arguments.connector not in numbers:
        return Report(ok=False, at=at, problem=f"There is no connector {arguments.connector}.")
    return Report(ok=all(row.status != "failed" for row in rows), at=at, rows=tuple(rows))


async def _connector(
    connector: ConnectorSettings,
    settings: Settings,
    images: Sequence[Listed],
    arguments: argparse.Namespace,
    wire_for: Callable[..., AnyWire],
) -> list[Row]:
    """All images for one controller. Its port is open for that long."""
    section = next((port for port in settings.port if port.name == connector.port), None)
    meant = [each for each in images if not each.connectors or connector.number in each.connectors]
    if section is None or not meant:
        return []
    port: AnyPort = port_on(section, wire_for(section))
    try:
        controller = open_controller(connector, {section.name: port})
    except (UnknownDriver, TypeError, AttributeError):  # made of other devices: it has no firmware of its own
        return []
    if not isinstance(controller, UpdatesFirmware):
        return []
    await port.open()
    try:
        rows: list[Row] = []
        for image in meant:
            row = await _one(connector.number, cast("Writable", controller), image, arguments)
            rows += [row] if row is not None else []
        return rows
    finally:
        await port.close()


async def _one(number: int, controller: Writable, image: Listed, arguments: argparse.Namespace) -> Row | None:
    """One image; None: it is not meant for this controller."""
    begun_s = asyncio.get_running_loop().time()
    before: Identity | None = None

    def row(status: str, code: str = "", text: str = "", after: str = "") -> Row:
        return Row(
            connector=number, image=image.type, version=image.version, status=status, code=code, text=text,
            version_before=_version(before, image.type), version_after=after,
            seconds=round(asyncio.get_running_loop().time() - begun_s, 1),
        )  # fmt: skip

    try:
        before = await _answer(controller)
    except DeviceError as error:
        return row("failed", "no_answer", f"It does not answer: {error}.")
    if not image.is_for(number, before):
        return None
    try:
        is_waiting = await controller.is_in_boot_loader()
        if not is_waiting and image.runs_on(before) and not arguments.again:
            return row("same", after=image.version)
        reading = None if is_waiting else await controller.read()
        if reading is not None and reading.status is not ControllerStatus.A_NOT_CONNECTED:
            return row("failed", "not_idle", f"It is not free (it says {reading.status.value}).")
        data = read(arguments.slots, image.file, image.sha256)
        written = controller.look_at_image(image.type, data)
        if written.version != image.version:
            return row("failed", "bad_file", f"The image says that it is version {written.version}.")
        identity = await controller.write_firmware(written, arguments.attempts, _said(number))
    except NotWritten as error:
        return row("failed", error.code, str(error))
    except (BadFile, ValueError) as error:
        return row("failed", "bad_file", str(error))
    except DeviceError as error:
        return row("failed", "refused", f"{error}.")
    after = _version(identity, image.type)
    if after != image.version:
        return row("failed", "wrong_version", f"It says that it runs {after or 'none'}.", after)
    return row("done", "ok", after=after)


async def _answer(controller: Writable) -> Identity:
    """Who it is, as soon as it answers. Raises DeviceError."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + ANSWERS_WITHIN_S
    while True:
        try:
            return await controller.identify()
        except DeviceError:
            if loop.time() > deadline_s:
                raise
        await asyncio.sleep(LOOK_S)


def _said(number: int) -> Callable[[FirmwareProgress], None]:
    told: set[tuple[int, str]] = set()

    def progress(now: FirmwareProgress) -> None:
        if (now.attempt, now.stage.value) not in told:
            told.add((now.attempt, now.stage.value))
            print(f"connector {number}: attempt {now.attempt} of {now.attempts}, {now.stage.value}", flush=True)

    return progress


def _keep(data: Path, report: Report) -> None:
    folder = folder_of(data, "station")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write(folder / REPORT, msgspec.json.encode(report))
    except OSError as error:
        print(f"chargepoint firmware: the report cannot be kept: {error}.", file=sys.stderr)


def _version(identity: Identity | None, image: str) -> str:
    if identity is None:
        return ""
    return identity.firmware_version if image == "MAIN" else identity.module_version


def _attempts(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:4]) <= 10:
        raise argparse.ArgumentTypeError("1 to 10 is expected")
    return int(text)
