"""A module that is imported when something of it is first used.

Working with certificates takes 7 MiB of memory; a station whose link has none shall not pay for that.
"""

from __future__ import annotations

import importlib
from typing import Any


class Late:
    """Stands for the module `name`; its first use raises what the import raises."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, wanted: str) -> Any:
        return getattr(importlib.import_module(self._name), wanted)
