"""Lines over time as SVG. Presentation is by classes (charts.css): light, dark and print look after themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain

import htpy as h

from webconfig.charts.telling import sentence
from webconfig.charts.values import Area, Band, Level, Line, Mark, Span, columns, is_value, ticks, time_ticks
from webconfig.words import Words

WIDTH, LEFT, RIGHT, BOTTOM = 720, 58, 58, 26
PLOT = WIDTH - LEFT - RIGHT
COLUMNS = PLOT // 2
"""Columns of which each keeps its least and greatest value."""
STRIP = 16
MARK_SIGNS = {"start": "▶", "stop": "■", "limit": "▼", "error": "✕", "note": "●"}
TABLE_ROWS = 60


def lines_chart(
    key: str,
    title: str,
    unit: str,
    lines: Sequence[Line],
    span: Span,
    words: Words,
    *,
    marks: Sequence[Mark] = (),
    bands: Sequence[Band] = (),
    levels: Sequence[Level] = (),
    low: float | None = None,
    high: float | None = None,
    height: int = 190,
    note: str = "",
    told: str = "",
    digits: int = 1,
    with_table: bool = True,
    link: str = "",
) -> h.Element:
    """A figure: picture, legend, a sentence that says the same, and a table.

    `key` names it within its page (letters and digits). `low` and `high`: these values are within the picture in any
    case. `note` says why something is missing. `told`: the sentence, where a better one is known. `link`: charts with
    the same link share crosshair and zoom (charts.js). Values are in `unit`, as people read them (kW, not W).
    """
    unit = words.one_of("u", unit) if unit else ""
    drawn = [(line, list(columns(line, span, COLUMNS))) for line in lines]
    drawn = [(line, stretches) for line, stretches in drawn if stretches]
    told = told or sentence(
        unit, ((line.name, [*chain.from_iterable(stretches)]) for line, stretches in drawn), words, digits
    )
    if not drawn:
        return h.figure(".chart", id=f"chart-{key}")[h.h3[title], h.p(".soft")[note or words("charts.nothing")]]
    values = [value for _, stretches in drawn for stretch in stretches for _, value in stretch]
    values += [level.value for level in levels if is_value(level.value)]
    values += [bound for bound in (low, high) if bound is not None]
    scale = ticks(min(values), max(values) if max(values) > min(values) else min(values) + 1.0, max(2, height // 45))
    top = STRIP + 6 if bands or marks else 8
    frame = _Frame(span, scale[0], scale[-1], top, height - BOTTOM)
    return h.figure(".chart", id=f"chart-{key}", data_link=link or None)[
        h.h3[f"{title}, {unit}" if unit else title],
        h.svg(
            {"aria-labelledby": f"{key}-t", "aria-describedby": f"{key}-d"},
            viewBox=f"0 0 {WIDTH} {height}",
            role="img",
            data_from=f"{span.from_s:.0f}",
            data_to=f"{span.to_s:.0f}",
            data_low=f"{scale[0]:g}",
            data_high=f"{scale[-1]:g}",
            data_box=f"{LEFT} {top} {LEFT + PLOT} {height - BOTTOM}",
            data_unit=unit,
        )[
            h.title(id=f"{key}-t")[title],
            h.desc(id=f"{key}-d")[told],
            h.defs[_hatch(key)] if any(isinstance(line, Area) for line, _ in drawn) else None,
            _grid(frame, scale, words, height),
            _strip(frame, bands),
            ([_area(key, frame, line, stretches) for line, stretches in drawn if isinstance(line, Area)]),
            ([_level(frame, level) for level in levels if is_value(level.value)]),
            ([_path(frame, line, stretches) for line, stretches in drawn]),
            _ends(frame, drawn),
            [_mark(frame, mark) for mark in marks if span.from_s <= mark.at_s <= span.to_s],
        ],
        h.figcaption[
            h.ul(".legend")[
                (
                    h.li[
                        h.svg(".swatch", viewBox="0 0 30 10", aria_hidden="true")[
                            h.path(class_=f"line c{line.style % 8}", d="M1 5H29")
                        ],
                        line.name,
                        h.output(data_of=f"{key}-{n}"),
                    ]
                    for n, (line, _) in enumerate(drawn)
                )
            ],
            h.p[told],
            h.p(".soft")[note] if note else None,
        ],
        _table(title, unit, [line for line, _ in drawn], span, words, digits) if with_table else None,
    ]


class _Frame:
    """Where a moment and a value are in the picture."""

    def __init__(self, span: Span, low: float, high: float, top: int, bottom: int) -> None:
        self.span, self.low, self.high, self.top, self.bottom = span, low, high, top, bottom
        self.per_s = PLOT / span.width_s
        self.per_unit = (bottom - top) / (high - low)

    def x(self, at_s: float) -> float:
        return LEFT + (at_s - self.span.from_s) * self.per_s

    def y(self, value: float) -> float:
        return self.bottom - (value - self.low) * self.per_unit

    def drawing(self, stretch: list[tuple[float, float]], is_step: bool) -> str:
        """The path of a stretch; points on a level stretch but its ends are left out."""
        from_s, per_s, low, per_unit, bottom = self.span.from_s, self.per_s, self.low, self.per_unit, self.bottom
        parts: list[str] = []
        before = ""
        pending = ""
        for at, value in stretch:
            x = f"{LEFT + (at - from_s) * per_s:.1f}"
            y = f"{bottom - (value - low) * per_unit:.2f}"
            if not parts:
                parts.append(f"M{x} {y}")
            elif y == before:
                pending = f"H{x}"
                continue
            elif is_step:
                parts.append(f"H{x}V{y}")
                pending = ""
            else:
                parts.append(f"{pending}L{x} {y}")
                pending = ""
            before = y
        if len(stretch) == 1:
            parts.append("h.1")
        return "".join(parts) + pending


def _path(frame: _Frame, line: Line, stretches: list[list[tuple[float, float]]]) -> h.Element:
    drawing = "".join(frame.drawing(stretch, line.is_step) for stretch in stretches)
    return h.path(class_=f"line c{line.style % 8}", d=drawing)


def _area(key: str, frame: _Frame, line: Line, stretches: list[list[tuple[float, float]]]) -> h.Element:
    drawing = "".join(
        f"{frame.drawing(stretch, line.is_step)}V{frame.bottom}H{frame.x(stretch[0][0]):.1f}Z" for stretch in stretches
    )
    return h.path(class_=f"area c{line.style % 8}", d=drawing, fill=f"url(#{key}-hatch)")


def _hatch(key: str) -> h.Element:
    return h.pattern(id=f"{key}-hatch", width="6", height="6", patternUnits="userSpaceOnUse")[
        h.path(".hatch", d="M0 6L6 0")
    ]


def _grid(frame: _Frame, scale: list[float], words: Words, height: int) -> h.Node:
    offset_s = _offset_s(frame.span.from_s)
    moments, step_s = time_ticks(frame.span, 8, offset_s)
    digits = max(0, -math.floor(math.log10(max(scale[1] - scale[0], 1e-6)) + 1e-9))
    return [
        h.g(".grid")[
            h.path(d="".join(f"M{LEFT} {frame.y(value):.1f}H{LEFT + PLOT}" for value in scale)),
            h.path(d="".join(f"M{frame.x(at):.1f} {frame.top}V{frame.bottom}" for at in moments)),
        ],
        h.g(".scale")[
            (
                h.text(x=str(LEFT - 6), y=f"{frame.y(value) + 4:.1f}", text_anchor="end")[words.number(value, digits)]
                for value in scale
            ),
            (
                h.text(
                    x=f"{frame.x(at):.1f}", y=str(height - 8), text_anchor="middle", class_="odd" if n % 2 else None
                )[_time(at + offset_s, step_s)]
                for n, at in enumerate(moments)
            ),
        ],
    ]


def _offset_s(at_s: float) -> float:
    offset = datetime.fromtimestamp(at_s, UTC).astimezone().utcoffset()
    return offset.total_seconds() if offset is not None else 0.0


def _time(local_s: float, step_s: float) -> str:
    at = datetime.fromtimestamp(local_s, UTC)
    if step_s < 60:
        return f"{at:%H:%M:%S}"
    return f"{at:%d.%m}" if step_s >= 86400 or (at.hour == 0 and at.minute == 0) else f"{at:%H:%M}"


def _strip(frame: _Frame, bands: Sequence[Band]) -> h.Node:
    found: list[h.Node] = []
    for band in bands:
        first, last = max(band.from_s, frame.span.from_s), min(band.to_s, frame.span.to_s)
        if last <= first:
            continue
        x, width = frame.x(first), max((last - first) * frame.per_s, 1.0)
        found.append(
            h.g(class_=f"band c{band.style % 8}")[
                h.rect(x=f"{x:.1f}", y="2", width=f"{width:.1f}", height=str(STRIP - 2))[h.title[band.name]],
                h.text(x=f"{x + 3:.1f}", y="13")[band.name] if width > 7 * len(band.name) + 6 else None,
            ]
        )
    return found


def _level(frame: _Frame, level: Level) -> h.Node:
    y = frame.y(level.value)
    return [
        h.path(".level", d=f"M{LEFT} {y:.1f}H{LEFT + PLOT}"),
        h.text(".level", x=str(LEFT + 4), y=f"{max(y - 3, frame.top + 10):.1f}")[level.name],
    ]


def _ends(frame: _Frame, drawn: Sequence[tuple[Line, list[list[tuple[float, float]]]]]) -> h.Node:
    """The short names at the ends of the lines, pushed apart so that none covers another."""
    wanted = sorted(
        (frame.y(stretches[-1][-1][1]) + 4, line.style, line.short) for line, stretches in drawn if line.short
    )
    found: list[h.Node] = []
    free = float(frame.top)
    for y, style, short in wanted:
        y = max(y, free + 6)
        free = y + 7
        found.append(h.text(class_=f"end c{style % 8}", x=str(LEFT + PLOT + 5), y=f"{y:.1f}")[short])
    return found


def _mark(frame: _Frame, mark: Mark) -> h.Element:
    x = f"{frame.x(mark.at_s):.1f}"
    return h.g(class_=f"mark {mark.kind}")[
        h.path(d=f"M{x} {STRIP}V{frame.bottom}"),
        h.text(x=x, y="13", text_anchor="middle")[MARK_SIGNS.get(mark.kind, "●"), h.title[mark.text]],
    ]


def _table(title: str, unit: str, lines: Sequence[Line], span: Span, words: Words, digits: int) -> h.Element:
    """Up to 60 moments of the values, each as it was then or last before."""
    moments = sorted({at for line in lines for at in line.at_s if span.from_s <= at <= span.to_s})
    every = -(-len(moments) // TABLE_ROWS)
    chosen = moments[::every] if every else []
    found = [_held(line, chosen) for line in lines]
    return h.details(".values")[
        h.summary[words("charts.table")],
        h.div(".scroll", tabindex="0", role="region", aria_label=title)[
            h.table[
                h.caption[f"{title}, {unit}" if unit else title],
                h.thead[
                    h.tr[h.th(scope="col")[words("charts.time")], (h.th(scope="col")[line.name] for line in lines)]
                ],
                h.tbody[
                    (
                        h.tr[
                            h.td(data_label=words("charts.time"))[words.time(datetime.fromtimestamp(at, UTC))],
                            (
                                h.td(data_label=line.name)[words.number(held[n], digits)]
                                for line, held in zip(lines, found, strict=True)
                            ),
                        ]
                        for n, at in enumerate(chosen)
                    )
                ],
            ],
            h.p(".soft")[words("charts.thinned", n=every)] if every > 1 else None,
        ],
    ]


def _held(line: Line, moments: Sequence[float]) -> list[float | None]:
    found: list[float | None] = []
    place, value = 0, None
    for at in moments:
        while place < len(line.at_s) and line.at_s[place] <= at:
            value = line.values[place]
            place += 1
        found.append(value if is_value(value) else None)
    return found
