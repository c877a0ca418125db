"""What names a vehicle or its owner is not shown: of it the last four characters remain."""

from __future__ import annotations

import re

SHOWN = 4
_VIN = re.compile(r"(?<![A-Za-z0-9])[A-HJ-NPR-Za-hj-npr-z0-9]{17}(?![A-Za-z0-9])")
_MAC = re.compile(r"(?<![0-9A-Fa-f:])[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5,7}(?![0-9A-Fa-f:])")
_BARE_MAC = re.compile(r"(?<![0-9A-Za-z])(?=\d*[A-Fa-f])(?=[A-Fa-f]*\d)[0-9A-Fa-f]{12}(?![0-9A-Za-z])")
_NAMED = re.compile(
    r"(?<![A-Za-z0-9])(VIN|EVCC[ _-]?(?:ID|MAC)|EV[ _-]?ID|EMAID|PCID|MAC(?:[ _-]?addr(?:ess)?)?|contract(?:[ _-]?id)?"
    r"|id[ _-]?tag|id[ _-]?token|uid)([\"']?\s*[=:>]\s*[\"']?|\s+)([\w:.*-]{5,})",
    re.I,
)


def masked(text: str) -> str:
    """All but the last four characters hidden."""
    return "*" * max(len(text) - SHOWN, 0) + text[-SHOWN:]


def without_names(text: str) -> str:
    """Vehicle numbers, modem addresses and contract numbers within a line are masked."""
    text = _NAMED.sub(lambda found: found[1] + found[2] + masked(found[3]), text)
    for pattern in (_MAC, _BARE_MAC):
        text = pattern.sub(lambda found: masked(found[0]), text)
    return _VIN.sub(lambda found: masked(found[0]), text)
