"""Variants of a test of which the usual run tries a few and the long one all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def rest_long(variants: Iterable[Any], usual: int = 1) -> list[Any]:
    """The first `usual` variants as they are, the others marked `long`: they show the same once more."""
    return [
        variant if number < usual else pytest.param(variant, marks=pytest.mark.long)
        for number, variant in enumerate(variants)
    ]
