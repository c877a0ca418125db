"""How different two colours look, also to people who lack one kind of cone. Pure.

Sources: Machado, Oliveira, Fernandes, A physiologically-based model for simulation of color vision deficiency, 2009
(matrices of full strength); CIE 1976 L*a*b* difference."""

from __future__ import annotations

from hmi.drawing.items import Colour

Row = tuple[float, float, float]
SEEN_BY: dict[str, tuple[Row, Row, Row]] = {
    "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
TO_XYZ: tuple[Row, Row, Row] = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
WHITE_POINT = (0.9505, 1.0, 1.089)


def difference(first: Colour, second: Colour, seen_by: str = "all") -> float:
    """Distance in L*a*b*: 2 is just seen beside each other, 10 at a glance. Raises KeyError for an unknown eye."""
    pairs = zip(_lab(first, seen_by), _lab(second, seen_by), strict=True)
    return float(sum((a - b) ** 2 for a, b in pairs) ** 0.5)


def _lab(colour: Colour, seen_by: str) -> Row:
    seen = _times(SEEN_BY[seen_by], tuple(map(linear, colour)))
    xyz = _times(TO_XYZ, tuple(max(0.0, min(1.0, part)) for part in seen))
    x, y, z = (_root(part / white) for part, white in zip(xyz, WHITE_POINT, strict=True))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def linear(part: int) -> float:
    """Light of one of red, green, blue (0 to 255): 0 to 1. Source: IEC 61966-2-1."""
    share = part / 255
    return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)


def _times(matrix: tuple[Row, Row, Row], vector: tuple[float, ...]) -> Row:
    first, second, third = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return first, second, third


def _root(value: float) -> float:
    return float(value ** (1 / 3)) if value > 216 / 24389 else (24389 / 27 * value + 16) / 116
