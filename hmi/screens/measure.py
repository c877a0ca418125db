"""What size texts may have: to choose between layouts, and to give texts beside each other the same size."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache

from hmi.drawing.fitting import clean, pieces
from hmi.drawing.fonts import LINE_OF_CAP, Fonts

ENDS = ".。!?？！"
ABOVE_AND_BELOW = 0.62
"""What accents and descenders take beside a capital, in its height."""


@cache
def fonts() -> Fonts:
    return Fonts()


def width_px(text: str, cap_px: int, is_bold: bool = False) -> int:
    """Width of one line."""
    return fonts().width(text, cap_px, is_bold)


@lru_cache(maxsize=2048)
def _parts(text: str) -> tuple[str, ...]:
    return tuple(pieces(clean(text).strip()))


@lru_cache(maxsize=8192)
def lines_needed(text: str, width: int, cap_px: int, is_bold: bool = False) -> int:
    """Lines it takes in `width` pixels; 99 when a word is wider."""
    lines, used = 1, 0
    for piece in _parts(text):
        bare = width_px(piece.rstrip(), cap_px, is_bold)
        if bare > width:
            return 99
        if used + bare > width:
            lines, used = lines + 1, 0
        used += width_px(piece, cap_px, is_bold)
    return lines


def block_px(lines: int, cap_px: int) -> int:
    """Height of a rectangle in which so many lines fit."""
    return round(cap_px * (1 + ABOVE_AND_BELOW + (lines - 1) * LINE_OF_CAP))


def fit_cap(
    texts: Iterable[str], width: int, height: int, most: int, least: int, lines: int = 1, is_bold: bool = False
) -> int:
    """The largest height of a capital, `most` down to `least`, with which each of `texts` fits; `least` if none."""
    wanted = [text for text in texts if text]
    cap = most
    while cap > least:
        needed = max((lines_needed(text, width, cap, is_bold) for text in wanted), default=1)
        if needed <= lines and block_px(needed, cap) <= height:
            return cap
        cap -= max(1, cap // 20)
    return least


def chunks(text: str, width: int, lines: int, cap_px: int, is_bold: bool = False) -> list[str]:
    """`text` in pieces that each fit so many lines, as few as possible and about equally long."""
    if lines_needed(text, width, cap_px, is_bold) <= lines:
        return [text]
    parts = _parts(text)
    found: list[str] = []
    piece = ""
    for part in parts:
        if piece and lines_needed(piece + part, width, cap_px, is_bold) > lines:
            found.append(piece.strip())
            piece = ""
        piece += part
    found.append(piece.strip())
    return [
        f"{each} …"
        if at < len(found) - 1 and each[-1] not in ENDS and lines_needed(f"{each} …", width, cap_px, is_bold) <= lines
        else each
        for at, each in enumerate(found)
    ]
