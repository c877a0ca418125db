"""TOML of strangers as plain values, in bounded time and memory: a key of dots costs the square of its length."""

from __future__ import annotations

import tomllib
from typing import Any

from chargepoint.nesting import is_deeper_than

MOST_WORK = 4_000_000
"""Parts of keys that reading may touch: 32 MiB and a tenth of a second. A large station file takes a tenth of it."""
MOST_DEEP = 40
"""Tables and lists within each other; a station file has five."""


class TooDeep(tomllib.TOMLDecodeError):
    """The keys are too long, or tables and lists are nested too deeply."""


def loads(text: str) -> dict[str, Any]:
    """The document. Raises tomllib.TOMLDecodeError, and nothing else, for whatever it cannot be."""
    dots = [found for line in text.split("\n") if (found := line.count("."))]
    most = max(dots, default=0)
    if sum(found * (found + most) for found in dots) > MOST_WORK:
        raise TooDeep("its keys are too long for a station file")
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise TooDeep("its brackets are nested too deeply for a station file") from None
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as error:  # a number of thousands of digits, a day that is none
        raise tomllib.TOMLDecodeError(str(error)) from None
    if is_deeper_than(document, MOST_DEEP):
        raise TooDeep("its tables are nested too deeply for a station file")
    return document
