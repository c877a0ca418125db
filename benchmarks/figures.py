"""Rows of the table: a figure, what was measured, what is wished. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

Bound = Literal["<", ">"]

HEADINGS = ("figure", "median", "min..max", "runs", "wished", "met", "beside")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line. `values` are those of several runs; `wished` bounds their median; `beside` is a reference or a note."""

    figure: str
    values: tuple[float, ...] = ()
    unit: str = ""
    wished: tuple[Bound, float] | None = None
    beside: str = ""
    failure: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def met(self) -> str:
        """`yes` or `no`; empty where nothing was wished or measured."""
        if self.wished is None or not self.values:
            return ""
        bound, limit = self.wished
        return "yes" if (self.median < limit if bound == "<" else self.median > limit) else "no"

    def cells(self) -> tuple[str, ...]:
        """The row's texts, in the order of HEADINGS."""
        wished = "" if self.wished is None else f"{self.wished[0]} {short(self.wished[1])} {self.unit}".strip()
        if not self.values:
            return self.figure, "failed", "", "", wished, "", self.failure
        span = f"{short(min(self.values))}..{short(max(self.values))}" if len(self.values) > 1 else ""
        median = f"{short(self.median)} {self.unit}".strip()
        return self.figure, median, span, str(len(self.values)), wished, self.met, self.beside


def short(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else f"{round(value):,}".replace(",", " ")


def share(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of all do not exceed (nearest rank). Raises ValueError when there are none."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(percent / 100 * len(ordered)) - 1))]


def table(rows: Iterable[Row]) -> str:
    """A Markdown table whose columns stand in line, for terminals and documents alike."""
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    texts = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    texts.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(texts)
