"""Lines of JSON in and out: what is read is checked, what is refused is said in words, what is written is plain JSON.

Numbers are finite on both sides; NaN is read as null, infinity leaves as null. No input or output here.
"""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chargepoint.power.lines.refusals import Refusal, refused
from chargepoint.power.topology import TopologyError

T = TypeVar("T")

MOST_BYTES = 4_000_000
"""Of one line."""
MOST = 1e12
"""No figure of a charging station is larger, in whatever unit."""
Amount = Annotated[float, Meta(ge=0, le=MOST)]
Figure = Annotated[float, Meta(ge=-MOST, le=MOST)]
Share = Annotated[float, Meta(ge=0, le=1)]
Name = Annotated[str, Meta(min_length=1, max_length=80)]
ConnectorNumber = Annotated[int, Meta(ge=1, le=9999)]
Unreadable = Figure | None | UnsetType
"""Left out: no such bound. null: there is one, but it cannot be read, which counts as the worst. Below 0 is 0."""


def amount_of(value: Unreadable, absent: float) -> float:
    """A bound or a load as the rules take it: not a number where it cannot be read, `absent` where it was left out."""
    if value is UNSET:
        return absent
    return math.nan if value is None else value


def parse(text: bytes, whole: str = "line", remedy: str = "send one object per line") -> Mapping[str, Any]:
    """The object of a `whole`: a line, or a file. NaN in it is null, 2.0 is 2. Raises Refusal."""
    if len(text) > MOST_BYTES:
        raise Refusal(whole, f"more than {MOST_BYTES} bytes", f"a {whole} is not that long", remedy)
    text = text.removeprefix(codecs.BOM_UTF8)
    try:
        data = finite(_decoded(text), whole)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        if isinstance(error, Refusal):
            raise
        raise Refusal(whole, text, f"this is no JSON that can be read: {error}", remedy) from error
    if not isinstance(data, dict):
        raise Refusal(whole, data, f"a {whole} is an object", 'begin it with "{" and end it with "}"')
    return data


def quickly(text: bytes, decoder: msgspec.json.Decoder[T]) -> T | None:
    """A line that is as most lines are; None for all others, which `parse` and `read` look at more closely."""
    if len(text) > MOST_BYTES:
        return None
    try:
        return decoder.decode(text)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None


def read(data: object, kind: type[T], where: str = "") -> T:
    """`data` as a struct of `kind`. Raises Refusal; `where` is put before the place in `data`."""
    try:
        return msgspec.convert(data, kind, str_keys=True)
    except (msgspec.ValidationError, RecursionError) as error:
        raise refused(error, data, kind, where) from error
    except TopologyError as error:
        raise unusable(error) from error


def unusable(error: TopologyError) -> Refusal:
    """A station that cannot be, as a refusal of its line."""
    found, _, why = str(error).partition(": ")
    return Refusal("station", found, why or "such a station cannot be", "correct the station's line and send it again")


def write(answer: object) -> bytes:
    """One line of JSON, with its end. What is not finite becomes null."""
    return msgspec.json.encode(answer) + b"\n"


def plain(data: Any) -> Any:
    """`data` with figures of at most six decimals, and null for what is not finite."""
    if isinstance(data, float):
        return round(data, 6) + 0.0 if math.isfinite(data) else None
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [plain(value) for value in data]
    return data


def _decoded(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        if b"NaN" not in text and b"Infinity" not in text:
            raise
        return json.loads(text, parse_constant=_no_figure)


def _no_figure(word: str) -> None:
    if word != "NaN":
        raise Refusal(
            "line",
            word,
            "JSON knows no infinity",
            "leave out a limit that there is not; write null for one that cannot be read",
        )


def finite(data: Any, whole: str) -> Any:
    """`data` with whole figures as whole numbers. Raises Refusal for figures that cannot be meant."""
    if isinstance(data, dict):
        return {key: finite(value, whole) for key, value in data.items()}
    if isinstance(data, list):
        return [finite(value, whole) for value in data]
    if isinstance(data, bool) or not isinstance(data, int | float):
        return data
    if not -MOST <= data <= MOST:
        raise Refusal(whole, data, "no figure of a charging station is as large", "correct it")
    return int(data) if data == int(data) else data
