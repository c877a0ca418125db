"""`chargepoint screenshot`: what the station's screen shows now, as a picture file."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from chargepoint.bus import CallFailed, Unavailable
from chargepoint.commands.manual import page
from chargepoint.door import AdminBus, NobodyHome
from chargepoint.messages import Screenshot, TakeScreenshot

SUMMARY = "save what the station's screen shows now"
DEFAULT_DATA = Path("/var/lib/chargepoint")
FORMATS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}
BY = "command line"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments and help of the command."""
    parser.add_argument(
        "file", metavar="FILE", help="where to: a name that ends with .png, .jpg or .jpeg; -: PNG to standard output"
    )
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, metavar="DIR", help=f"default: {DEFAULT_DATA}")
    parser.add_argument("--scale", type=_scale, default=1.0, metavar="S", help="smaller: 0.1 to 1 (default 1)")
    page(
        parser,
        """
        Saves what the touch screen shows, as drivers see it (before the panel's rotation), and tells the screen's name,
        its language and the size. Passwords, PINs and the numbers of cards being typed are covered in the picture.

        At most one picture each second is taken: one that is asked for sooner comes a little later. The screen goes on
        meanwhile. The journal notes who began to look. There is no way to touch the screen from afar.

        This needs the account of the station or root.
        """,
        exit_status={
            0: "saved",
            1: "no station runs on this data directory, it has no screen, the screen shows nothing, or FILE cannot be "
            "written; the reason stands on standard error",
            2: "wrong use",
        },
        examples={
            "chargepoint screenshot screen.png": "the whole picture",
            "chargepoint screenshot --scale 0.5 screen.jpg": "a small one",
        },
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0, 1 or 2."""
    form = "png" if arguments.file == "-" else FORMATS.get(Path(arguments.file).suffix.lower())
    if form is None:
        return _failed(f"{arguments.file}: the name must end with .png, .jpg or .jpeg, which says the format.", 2)
    try:
        shot = asyncio.run(_take(arguments.data, TakeScreenshot(format=form, scale=arguments.scale, by=BY)))
    except (NobodyHome, PermissionError) as error:
        return _failed(str(error))
    except (Unavailable, CallFailed, TimeoutError) as error:
        return _failed(f"{error}. Has this station a screen ([screen] is_fitted), and does its service hmi run?")
    if not shot.ok:
        return _failed(shot.text)
    try:
        _save(arguments.file, shot.data)
    except OSError as error:
        return _failed(f"{arguments.file}: {error.strerror}. Name a file in a folder that you may write to.")
    if arguments.file != "-":
        print(f"{arguments.file}: {shot.screen}, {shot.language}, {shot.width}x{shot.height}")
    return 0


def _failed(text: str, status: int = 1) -> int:
    print(f"chargepoint screenshot: {text}", file=sys.stderr)
    return status


async def _take(data: Path, request: TakeScreenshot) -> Screenshot:
    async with AdminBus.connect(data) as bus:
        return await bus.call("hmi", request)


def _save(name: str, data: bytes) -> None:
    """Whole or not at all. Raises OSError."""
    if name == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    path = Path(name)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _scale(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if not 0.1 <= value <= 1:
        raise argparse.ArgumentTypeError("must be from 0.1 to 1")
    return value
