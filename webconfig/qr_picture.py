"""A link as a QR code in SVG (ISO/IEC 18004, level M), the same as the driver's screen shows."""

from __future__ import annotations

from functools import lru_cache

import htpy as h

QUIET = 4
LONGEST = 800


@lru_cache(maxsize=16)
def _path(text: str) -> tuple[int, str]:
    """Modules across, and the dark ones as a path. Raises ImportError where nothing can make codes."""
    import qrcode  # only who looks at codes pays for it
    from qrcode.constants import ERROR_CORRECT_M

    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=QUIET)
    code.add_data(text)
    code.make(fit=True)
    rows = code.get_matrix()
    runs = []
    for down, row in enumerate(rows):
        across = 0
        while across < len(row):
            wide = 0
            while across + wide < len(row) and row[across + wide]:
                wide += 1
            if wide:
                runs.append(f"M{across} {down}h{wide}v1h-{wide}z")
            across += max(wide, 1)
    return len(rows), "".join(runs)


def qr(text: str, label: str) -> h.Node:
    """The picture; nothing for an empty text, one too long, or where no code can be made."""
    if not text or len(text.encode()) > LONGEST:
        return None
    try:
        size, path = _path(text)
    except ImportError:
        return None
    return h.svg(".qr", viewBox=f"0 0 {size} {size}", role="img", aria_label=label, shape_rendering="crispEdges")[
        h.Element("path")(d=path)
    ]
