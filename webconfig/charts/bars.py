"""Stacked bars as SVG: energy per day and connector, sessions per hour."""

from __future__ import annotations

from collections.abc import Sequence

import htpy as h

from webconfig.charts.values import Row, is_value, ticks
from webconfig.words import Words

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 720, 58, 10, 10, 28


def bars_chart(
    key: str,
    title: str,
    unit: str,
    labels: Sequence[str],
    rows: Sequence[Row],
    words: Words,
    *,
    height: int = 220,
    note: str = "",
    digits: int = 1,
) -> h.Element:
    """A figure of bars: one for each label, in it a piece for each row, with legend, sentence and table.

    Values below 0 and those not known count as nothing in the picture; the table has a dash for what is not known.
    """
    unit = words.one_of("u", unit) if unit else ""
    sums = [sum(_shown(row.values[n]) for row in rows) for n in range(len(labels))]
    if not labels or not any(sums):
        return h.figure(".chart", id=f"chart-{key}")[h.h3[title], h.p(".soft")[note or words("charts.nothing")]]
    scale = ticks(0.0, max(sums), max(2, height // 45))
    per_unit = (height - TOP - BOTTOM) / scale[-1]
    each = (WIDTH - LEFT - RIGHT) / len(labels)
    width = max(each * 0.7, 1.0)
    bottom = height - BOTTOM
    greatest = max(range(len(labels)), key=lambda n: sums[n])
    total = sum(sums)
    told = words(
        "charts.bars",
        title=title,
        total=f"{words.number(total, digits)} {unit}".strip(),
        label=labels[greatest],
        most=f"{words.number(sums[greatest], digits)} {unit}".strip(),
    )
    pieces: list[h.Node] = []
    for n in range(len(labels)):
        y = float(bottom)
        for row in rows:
            tall = _shown(row.values[n]) * per_unit
            if tall <= 0:
                continue
            y -= tall
            place = {"x": f"{LEFT + n * each + (each - width) / 2:.1f}", "y": f"{y:.1f}",
                     "width": f"{width:.1f}", "height": f"{tall:.1f}"}  # fmt: skip
            value = f"{labels[n]}, {row.name}: {words.number(row.values[n], digits)} {unit}".strip()
            pieces.append(h.rect(place, class_=f"bar c{row.style % 8}")[h.title[value]])
            if row.style % 8:
                pieces.append(h.rect(place, class_="over", fill=f"url(#{key}-h{row.style % 8})"))
    every = -(-len(labels) // 12)
    return h.figure(".chart", id=f"chart-{key}")[
        h.h3[f"{title}, {unit}" if unit else title],
        h.svg(
            {"aria-labelledby": f"{key}-t", "aria-describedby": f"{key}-d"}, viewBox=f"0 0 {WIDTH} {height}", role="img"
        )[
            h.title(id=f"{key}-t")[title],
            h.desc(id=f"{key}-d")[told],
            h.defs[(_hatch(key, row.style % 8) for row in rows if row.style % 8)],
            h.g(".grid")[
                h.path(d="".join(f"M{LEFT} {bottom - value * per_unit:.1f}H{WIDTH - RIGHT}" for value in scale))
            ],
            h.g(".scale")[
                (
                    h.text(x=str(LEFT - 6), y=f"{bottom - value * per_unit + 4:.1f}", text_anchor="end")[
                        words.number(value, 2 if scale[-1] < 2 else 1)
                    ]
                    for value in scale
                ),
                (
                    h.text(
                        x=f"{LEFT + (n + 0.5) * each:.1f}",
                        y=str(height - 9),
                        text_anchor="middle",
                        class_="odd" if (n // every) % 2 else None,
                    )[labels[n]]
                    for n in range(0, len(labels), every)
                ),
            ],
            pieces,
        ],
        h.figcaption[
            h.ul(".legend")[
                (
                    h.li[
                        h.svg(".swatch", viewBox="0 0 30 10", aria_hidden="true")[
                            h.rect(class_=f"bar c{row.style % 8}", width="30", height="10"),
                            h.rect(class_="over", width="30", height="10", fill=f"url(#{key}-h{row.style % 8})")
                            if row.style % 8
                            else None,
                        ],
                        row.name,
                    ]
                    for row in rows
                )
            ]
            if len(rows) > 1
            else None,
            h.p[told],
            h.p(".soft")[note] if note else None,
        ],
        h.details(".values")[
            h.summary[words("charts.table")],
            h.div(".scroll", tabindex="0", role="region", aria_label=title)[
                h.table[
                    h.caption[f"{title}, {unit}" if unit else title],
                    h.thead[h.tr[h.th(scope="col")[title], (h.th(scope="col")[row.name] for row in rows)]],
                    h.tbody[
                        (
                            h.tr[
                                h.td(data_label=title)[label],
                                (h.td(data_label=row.name)[words.number(row.values[n], digits)] for row in rows),
                            ]
                            for n, label in enumerate(labels)
                        )
                    ],
                ]
            ],
        ],
    ]


def _shown(value: float | None) -> float:
    return value if value is not None and is_value(value) and value > 0 else 0.0


_HATCHES = {
    1: "M0 6L6 0",
    2: "M0 0L6 6",
    3: "M0 3H6",
    4: "M3 0V6",
    5: "M0 3H6M3 0V6",
    6: "M0 6L6 0M0 0L6 6",
    7: "M2 2h2v2h-2z",
}


def _hatch(key: str, style: int) -> h.Element:
    return h.pattern(id=f"{key}-h{style}", width="6", height="6", patternUnits="userSpaceOnUse")[
        h.path(".over", d=_HATCHES[style])
    ]
