"""The commutation scheme as SVG: places and values in, an element out. Colours and dashes: static/modules.css. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import htpy as h

from webconfig.commutation.places import TILE_W, Box, Places, Spot, placed
from webconfig.commutation.scheme import Contactor, Group, Module, Output, Scheme
from webconfig.commutation.values import BAR_PX, colour_of

FEW = 60
"""Of more parts than that the picture's contactors are left out of the order of the Tab key: their table has them."""

Link = Callable[[str], str]


def symbols() -> h.Element:
    """Patterns and symbols that all pictures of a page share."""
    return h.svg(".hidden-parts", width="0", height="0", aria_hidden="true", focusable="false")[
        h.defs[
            _pattern("white", "#ffffff", ""),
            _pattern("green", "#bfe8cb", "M-2 2l4 -4M0 10l10 -10M8 12l4 -4"),
            _pattern("grey", "#c9ced6", "M2 2h1M7 7h1"),
            _pattern("red", "#f8c9c6", "M0 10l10 -10M0 0l10 10"),
            _symbol("i-white", h.circle(cx="7", cy="7", r="5", fill="none")),
            _symbol("i-green", h.path(d="M8 1L3 8h4l-1 5 5 -7H7z", fill="#0d6b35", stroke="none")),
            _symbol("i-grey", h.path(d="M1 7h4M9 7h4M5 4l4 6M9 4l-4 6")),
            _symbol("i-red", h.path(d="M7 1l6 12H1zM7 5v4M7 11v1", stroke="#8f1015")),
            _switch("open", "M-16 0h7M9 0h7M-9 0L7 -10"),
            _switch("closed", "M-16 0h32M-9 -4v8M9 -4v8"),
            _switch("unknown", "M-16 0h7M9 0h7M-4 -5q0 -4 4 -4t4 4q0 3 -4 4v3M0 6v1"),
            _switch("welded", "M-16 0h32M-6 -7l12 14M6 -7l-12 14"),
            _switch("failed", "M-16 0h7M9 0h7M-7 6L0 -8L7 6zM0 -3v4M0 3v1"),
        ]
    ]


def picture(scheme: Scheme, values: Mapping[str, str], label: str, link: Link, *, is_tall: bool = False) -> h.Element:
    """The whole scheme. `link` makes the address of a part's panel from its name (`m.bank.3`)."""
    places = placed(scheme, is_tall=is_tall)
    return h.svg(
        {"class": "scheme tall" if is_tall else "scheme wide", "viewBox": f"0 0 {places.width} {places.height}"},
        width=str(places.width),
        height=str(places.height),
        role="group",
        aria_label=label,
    )[
        _wires(places, values),
        (_group(group, box, values) for group, box in zip(scheme.groups, places.groups, strict=True)),
        (
            _module(module, box, values, link, group if len(group.modules) == 1 else None)
            for group, boxes in zip(scheme.groups, places.tiles, strict=True)
            for module, box in zip(group.modules, boxes, strict=True)
        ),
        (_contactor(spot, values, link, is_many=is_large(scheme)) for spot in places.spots),
        (
            _output(output, box, values, link, colour_of(scheme, output.connector), is_tall=is_tall)
            for output, box in zip(scheme.outputs, places.outputs, strict=True)
        ),
    ]


def is_large(scheme: Scheme) -> bool:
    """More than a phone shows at once, however it stands."""
    return len(scheme.contactors) + len(scheme.modules) + len(scheme.outputs) > FEW


def part(item: str, values: Mapping[str, str], href: str, **more: str | None) -> h.Element:
    """A link around a part; its class and its name change."""
    return h.a(
        {"class": values.get(f"{item}@class", "part"), "aria-label": values.get(f"{item}@aria-label")},
        href=href,
        data_live=item,
        **more,
    )


def _pattern(name: str, ground: str, path: str) -> h.Element:
    return h.pattern({"patternUnits": "userSpaceOnUse"}, id=f"p-{name}", width="10", height="10")[
        h.rect(width="10", height="10", fill=ground),
        h.path(d=path, stroke="#14181f", stroke_opacity="0.22", stroke_width="1.2") if path else None,
    ]


def _symbol(name: str, content: h.Element) -> h.Element:
    return h.symbol({"viewBox": "0 0 14 14"}, id=name)[h.g(stroke="#14181f", fill="none", stroke_width="1.5")[content]]


def _switch(name: str, path: str) -> h.Element:
    return h.g(id=f"k-{name}")[h.path(".box", d="M-20 -19h40v34h-40z"), h.path(d=path, fill="none")]


def _wires(places: Places, values: Mapping[str, str]) -> h.Node:
    return [
        h.g({"class": values.get(f"w.{wire.bus}@class", "w")}, data_live=f"w.{wire.bus}")[
            h.path(d="".join(_path(points) for points in wire.strokes)),
            (h.circle(cx=str(x), cy=str(y), r="3.5") for x, y in wire.dots),
        ]
        for wire in places.wires
    ]


def _path(points: tuple[tuple[int, int], ...]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in points)


def _group(group: Group, box: Box, values: Mapping[str, str]) -> h.Node:
    return h.g({"class": values.get(f"{group.item}@class", "group")}, data_live=group.item)[
        _rect(box, "frame"),
        [
            h.text(".name", x=str(box.x + 8), y=str(box.y + 17))[group.name],
            h.text(".end", x=str(box.x + box.w - 8), y=str(box.y + 17), data_live=f"{group.item}.p")[
                values.get(f"{group.item}.p", "–")
            ],
        ]
        if len(group.modules) != 1
        else None,
    ]


def _module(module: Module, box: Box, values: Mapping[str, str], link: Link, alone: Group | None) -> h.Element:
    item, x, y = module.item, box.x, box.y
    name = str(module.number) if alone is None else f"{alone.name} · {module.number}"
    return part(item, values, link(item))[
        h.rect(".tile", x=str(x), y=str(y), width=str(box.w), height=str(box.h), rx="4", data_live=f"{item}.f",
               fill=values[f"{item}.f@fill"]),
        h.use(x=str(x + TILE_W - 19), y=str(y + 4), width="14", height="14", data_live=f"{item}.i",
              href=values[f"{item}.i@href"]),
        h.text(".name", x=str(x + 6), y=str(y + 14))[name],
        h.text(x=str(x + 6), y=str(y + 28), data_live=f"{item}.va")[values[f"{item}.va"]],
        h.rect(".scale", x=str(x + 6), y=str(y + 34), width=str(BAR_PX), height="7"),
        h.rect(".heat", x=str(x + 6), y=str(y + 34), height="7", data_live=f"{item}.b",
               width=values[f"{item}.b@width"]),
        h.text(".end", x=str(x + box.w - 6), y=str(y + 41), data_live=f"{item}.c")[values[f"{item}.c"]],
    ]  # fmt: skip


def _contactor(spot: Spot, values: Mapping[str, str], link: Link, *, is_many: bool) -> h.Element:
    each: Contactor = spot.contactor
    item, x, y = each.item, spot.x, spot.y
    is_upright = spot.ends is not None and spot.ends[0][0] == spot.ends[1][0]
    return part(item, values, link(item), tabindex="-1" if is_many else None)[
        h.path(".own", d=_path(spot.ends)) if spot.ends else None,
        h.use(
            data_live=f"{item}.i",
            href=values[f"{item}.i@href"],
            transform=f"translate({x} {y})" + (" rotate(90)" if is_upright else ""),
        ),
        h.text(".end", x=str(x - 19), y=str(y - 8))[each.name]
        if is_upright
        else h.text(x=str(x), y=str(y - 11))[each.name],
    ]


def _output(
    output: Output, box: Box, values: Mapping[str, str], link: Link, colour: str, *, is_tall: bool
) -> h.Element:
    item, x, y = output.item, box.x, box.y
    edge = x + box.w - 4 if is_tall else x + 4
    return part(item, values, link(item))[
        _rect(box, "output"),
        h.path({"class": f"w on {colour}"}, d=f"M{edge} {y + 5}v{box.h - 10}"),
        h.text(".name", x=str(x + 14), y=str(y + 18))[f"№ {output.connector}"],
        h.text(x=str(x + 14), y=str(y + 34), data_live=f"{item}.s")[values[f"{item}.s"]],
        h.text(x=str(x + 14), y=str(y + 50), data_live=f"{item}.p")[values[f"{item}.p"]],
    ]


def _rect(box: Box, name: str) -> h.Element:
    return h.rect({"class": name}, x=str(box.x), y=str(box.y), width=str(box.w), height=str(box.h), rx="6")
