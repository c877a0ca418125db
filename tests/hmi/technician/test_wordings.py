"""What the station tells the service menu in words of its own language, by key or by its known sentences."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import chargepoint.station.installed
from chargepoint.messages import Difference, InstalledState
from chargepoint.power_picture import OutputPicture
from chargepoint.records import Limit
from chargepoint.station import why_words
from hmi.technician import wordings
from hmi.words import OWN_NAMES, Words

NOTHING = Limit(current_a=0.0, power_w=0.0, source="")
LIMITS = ("hardware", "configured", "user", "schedule", "vehicle", "cable_temperature", "modules", "session", "grid",
          "phase", "exclusive_set", "climate", "power_reduction")  # fmt: skip
"""docs/power.md, names of limits."""


def output(key: str, why: str = "an English sentence", **values: str) -> OutputPicture:
    return OutputPicture(connector=1, cap=NOTHING, grant=NOTHING, why=why, why_key=key, why_values=values)


def test_why_is_told_in_the_language_of_the_page() -> None:
    assert wordings.why(Words("ru"), output("limit", source="modules")) == "Ограничивает: силовые модули"
    assert wordings.why(Words("en"), output("held", source="smoke")) == "Not allowed now: Smoke"
    assert "3" in wordings.why(Words("kk"), output("rests", n="3"))


def test_what_has_no_words_is_told_as_the_station_does() -> None:
    assert wordings.why(Words("ru"), output("something_new")) == "an English sentence"
    assert wordings.why(Words("ru"), output("", why="")) == ""
    assert wordings.why(Words("ru"), output("limit")) == "Ограничивает: ?"


@pytest.mark.parametrize("language", OWN_NAMES)
def test_every_key_and_every_limit_has_its_words(language: str) -> None:
    words = Words(language)
    source = Path(why_words.__file__).read_text(encoding="utf-8")
    keys = set(re.findall(r'return \(?"(\w+)"', source))
    assert keys == {"held", "no_power", "rests", "nothing", "vehicle", "cap", "limit"}
    assert [key for key in keys if not words.has(f"flow.{key}")] == []
    assert [name for name in LIMITS if not words.has(f"limit.{name}")] == []


def test_differences_are_told_in_the_language_of_the_page() -> None:
    values = {"what": "serial number", "now": "222", "before": "111"}
    found = InstalledState(
        is_complete=True, differences=("meter 'm1': serial number 222 instead of 111", "reader 'x' is odd"),
        told=(Difference(kind="meter", name="m1", key="exchanged", values=values),
              Difference(kind="reader", name="x", key="odd")),
    )  # fmt: skip
    assert wordings.differences(Words("ru"), found) == [
        "Счётчик m1: заменён, серийный номер 222 вместо 111", "reader 'x' is odd",
    ]  # fmt: skip


def test_differences_without_keys_stay_as_they_are() -> None:
    found = InstalledState(is_complete=True, differences=("one", "two"))
    assert wordings.differences(Words("ru"), found) == ["one", "two"]


@pytest.mark.parametrize("language", OWN_NAMES)
def test_every_difference_the_station_tells_has_its_words(language: str) -> None:
    source = Path(chargepoint.station.installed.__file__).read_text(encoding="utf-8")
    keys = {"silent", "exchanged", "other_kind", "other_model", "refuses"}
    assert [key for key in keys if f'"{key}"' not in source] == []
    assert [key for key in keys if not Words(language).has(f"differs.{key}")] == []


@pytest.mark.parametrize(
    "told, shown",
    [
        ("its current falls", "ток группы падает"),
        ("contactor K12 is to open", "контактор K12 должен разомкнуться"),
        ("output 3 still has voltage", "на выходе 3 ещё есть напряжение"),
        ("something else", "something else"),
    ],
)
def test_what_a_group_on_its_way_waits_for_is_told(told: str, shown: str) -> None:
    assert wordings.phrase(Words("ru"), told) == shown
