"""QR codes (ISO/IEC 18004, level M) as rows of modules; a quiet zone of four modules belongs to them."""

from __future__ import annotations

from functools import lru_cache

import pygame

QUIET = 4
LONGEST = 800
"""More signs make a code that a telephone cannot read from the screen."""


class TooLong(Exception):
    """The text does not fit into a code that could be read."""


@lru_cache(maxsize=16)
def modules(text: str) -> tuple[tuple[bool, ...], ...]:
    """True is dark; with the quiet zone. Raises TooLong."""
    import qrcode
    from qrcode.constants import ERROR_CORRECT_M

    if len(text.encode()) > LONGEST:
        raise TooLong(f"{len(text.encode())} bytes; at most {LONGEST}")
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=QUIET)
    code.add_data(text)
    code.make(fit=True)
    return tuple(tuple(map(bool, row)) for row in code.get_matrix())


def drawn(text: str, side_px: int) -> pygame.Surface:
    """Black on white, `side_px` wide and high: whole pixels for each module, the rest is more quiet zone.

    Raises TooLong."""
    rows = modules(text)
    module = max(1, side_px // len(rows))
    start = (side_px - module * len(rows)) // 2
    surface = pygame.Surface((side_px, side_px), 0, 8)
    surface.set_palette([(255, 255, 255), (0, 0, 0)])
    for down, row in enumerate(rows):
        for across, is_dark in enumerate(row):
            if is_dark:
                surface.fill(1, (start + across * module, start + down * module, module, module))
    return surface
