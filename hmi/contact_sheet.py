"""`python -m hmi.contact_sheet [FOLDER]`: pictures of every screen, to look at, into docs/screens.

All screens in landscape and portrait in each language, small; then by day, in large text, in high contrast and in low
layout. Runs without a display.
"""

from __future__ import annotations

import argparse
import html
import os
import struct
import sys
import zlib
from array import array
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hmi.samples import LANDSCAPE, Panel, Sample, look, samples, view
from hmi.screens import SCREENS
from hmi.technician.samples import samples as staff_samples
from hmi.view import Look
from hmi.words import OWN_NAMES

if TYPE_CHECKING:
    import pygame

FOLDER = Path("docs/screens")
SHOWN_WIDTH = {False: 360, True: 220}
STAFF_WIDTH = {False: 272, True: 168}
ACROSS = {False: 4, True: 6}
GAP = 6
COLOURS = 128
GROUND = (96, 104, 116)


class Sheet(msgspec.Struct, frozen=True):
    """One file: all screens in one manner."""

    name: str
    title: str
    look: Look
    language: str


def sheets() -> Iterator[Sheet]:
    """What is drawn."""
    ten = next(each for each in LANDSCAPE if each.name.startswith("10.1"))
    for panel, way in ((ten, "landscape"), (ten.turned, "portrait")):
        for language in OWN_NAMES:
            yield _sheet(panel, way, language, "night")
        yield _sheet(panel, way, "ru", "sun")
        yield _sheet(panel, way, "kk", "large")
        yield _sheet(panel, way, "en", "contrast")
        yield _sheet(panel, way, "ru", "low")
    seven = LANDSCAPE[0]
    yield _sheet(seven, "7 inch landscape", "ru", "night")
    yield _sheet(seven.turned, "7 inch portrait", "ru", "night")


def staff_sheets() -> Iterator[Sheet]:
    """What is drawn of the service menu."""
    seven, ten = LANDSCAPE[1], next(each for each in LANDSCAPE if each.name.startswith("10.1"))
    for panel, way in ((ten, "service landscape"), (ten.turned, "service portrait"), (seven, "service 7 inch")):
        yield _sheet(panel, way, "ru", "night")
    yield _sheet(ten, "service landscape", "kk", "night")
    yield _sheet(ten, "service landscape", "en", "sun")


def _sheet(panel: Panel, way: str, language: str, manner: str) -> Sheet:
    shown = look(
        panel,
        theme="sun" if manner == "sun" else "night",
        contrast=manner == "contrast",
        large=manner == "large",
        low=manner == "low",
    )
    name = f"{way}-{language}-{manner}".replace(" ", "-")
    return Sheet(name, f"{way}, {OWN_NAMES[language]}, {manner}", shown, language)


def draw(sheet: Sheet, path: Path, chosen: list[Sample]) -> None:
    """All of `chosen` in one picture."""
    import pygame

    from hmi.drawing.painter import Painter

    is_portrait = sheet.look.is_portrait
    width = (STAFF_WIDTH if sheet.name.startswith("service") else SHOWN_WIDTH)[is_portrait]
    across = ACROSS[is_portrait]
    height = width * sheet.look.height // sheet.look.width
    down = -(-len(chosen) // across)
    made = pygame.Surface((across * (width + GAP) + GAP, down * (height + GAP) + GAP))
    made.fill(GROUND)
    surface = pygame.Surface((sheet.look.width, sheet.look.height))
    painter = Painter(surface)
    for at, sample in enumerate(chosen):
        painter.paint(SCREENS[sample.place.screen].picture(view(sample, sheet.look, sheet.language)))
        small = pygame.transform.smoothscale(surface, (width, height))
        made.blit(small, (GAP + at % across * (width + GAP), GAP + at // across * (height + GAP)))
    save_small(made, path)


def save_small(surface: pygame.Surface, path: Path) -> None:
    """Write `path` as PNG of COLOURS colours, a quarter of the size of one with all of them."""
    import pygame

    raw = array("I", pygame.image.tobytes(surface, "RGBA"))
    counted = Counter(raw)
    kept = [colour for colour, _ in counted.most_common(COLOURS)]
    parts = [(colour & 255, colour >> 8 & 255, colour >> 16 & 255) for colour in kept]
    cells: dict[int, int] = {}
    index = {colour: at for at, colour in enumerate(kept)}
    for colour in counted:
        if colour not in index:
            cell = colour & 0x00F8F8F8
            if cell not in cells:
                red, green, blue = cell & 255, cell >> 8 & 255, cell >> 16 & 255
                cells[cell] = min(
                    range(len(parts)),
                    key=lambda at: (parts[at][0] - red) ** 2 + (parts[at][1] - green) ** 2 + (parts[at][2] - blue) ** 2,
                )
            index[colour] = cells[cell]
    width, height = surface.get_size()
    pixels = bytes([index[colour] for colour in raw])
    lines = b"".join(b"\0" + pixels[y * width : (y + 1) * width] for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    palette = bytes(part for colour in parts for part in colour)
    chunks = ((b"IHDR", head), (b"PLTE", palette), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks))


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m hmi.contact_sheet", description="Paint all screens as files.")
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="where they go (default: %(default)s)")
    folder: Path = parser.parse_args(arguments).folder
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    folder.mkdir(parents=True, exist_ok=True)
    chosen = samples()
    lines = ["# Screens", "", "Made by `python -m hmi.contact_sheet`. Texts, prices and numbers are samples.", ""]
    rows = []
    staff = staff_samples()
    for sheet in (*sheets(), *staff_sheets()):
        draw(sheet, folder / f"{sheet.name}.png", staff if sheet.name.startswith("service") else chosen)
        lines += [f"## {sheet.title}", "", f"![{sheet.title}]({sheet.name}.png)", ""]
        rows.append(f"<h2>{html.escape(sheet.title)}</h2><img src='{sheet.name}.png' alt=''>")
    names = ", ".join(sample.name for sample in (*chosen, *staff))
    (folder / "index.md").write_text("\n".join([*lines, f"In this order: {names}.", ""]), encoding="utf-8")
    page = "<!doctype html><meta charset='utf-8'><title>Screens</title><style>body{font-family:sans-serif}</style>"
    (folder / "index.html").write_text(f"{page}<h1>Screens</h1><p>{html.escape(names)}</p>{''.join(rows)}\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
