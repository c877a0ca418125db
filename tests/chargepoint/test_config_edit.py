"""Single values changed in the text of a station file; comments and order stay."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoint.config_edit import CannotEdit, changed

TEXT = """# our station
[station]
name = "demo"  # on the label
power_limit_w = 22_000  # of the grid

[[connector]]
number = 1
max_power_w = 22_000
# the left one
[[connector]]
number = 2
max_power_w = 11_000

[ocpp]
url = "ws://x#y"
"""


def test_a_value_is_replaced_where_it_stands_and_comments_stay() -> None:
    found = changed(TEXT, {"station.power_limit_w": "50000", "connector.2.max_power_w": "7400"})
    assert "power_limit_w = 50000  # of the grid" in found
    document = tomllib.loads(found)
    assert [each["max_power_w"] for each in document["connector"]] == [22_000, 7400]
    assert found.count("#") == TEXT.count("#")


def test_new_keys_and_sections_and_removed_keys() -> None:
    document = tomllib.loads(
        changed(TEXT, {"station.phone": "+7 1", "screen.is_fitted": "true", "connector.1.max_power_w": ""})
    )
    assert document["station"]["phone"] == "+7 1"
    assert document["screen"] == {"is_fitted": True}
    assert "max_power_w" not in document["connector"][0]
    assert changed(TEXT, {"station.nothing": ""}) == TEXT


def test_a_value_with_a_hash_in_quotes_is_replaced_whole() -> None:
    assert tomllib.loads(changed(TEXT, {"ocpp.url": "wss://z/#1"}))["ocpp"]["url"] == "wss://z/#1"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("station", "no key"),
        ("connector.max_power_w", "several"),
        ("connector.3.max_power_w", "no [[connector]] 3"),
        ("station..x", "no key"),
    ],
)
def test_what_is_no_key_is_told(path: str, words: str) -> None:
    with pytest.raises(CannotEdit) as raised:
        changed(TEXT, {path: "1"})
    assert words in str(raised.value)


def test_a_value_over_several_lines_is_replaced_whole() -> None:
    text = '[station]\nnames = [\n  "a",\n]\nafter = 1\n'
    assert tomllib.loads(changed(text, {"station.names": '["b"]'})) == {"station": {"names": ["b"], "after": 1}}


def test_what_cannot_be_changed_by_lines_is_left_alone() -> None:
    with pytest.raises(CannotEdit, match="by hand"):
        changed('station = { name = "x" }\n', {"station.name": "y"})
    with pytest.raises(CannotEdit):
        changed(TEXT, {"station.name": "a\nb"})


@given(st.text(max_size=40))
def test_any_text_is_one_value_and_nothing_else_changes(value: str) -> None:
    try:
        document = tomllib.loads(changed(TEXT, {"station.name": value}))
    except CannotEdit:
        return
    before = tomllib.loads(TEXT)
    assert document["connector"] == before["connector"]
    assert document["station"].keys() <= before["station"].keys()


def test_every_example_takes_another_limit() -> None:
    for path in (Path(__file__).parents[2] / "examples").glob("*.toml"):
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
        if "station" not in document:
            continue
        found = tomllib.loads(changed(text, {"station.power_limit_w": "12345"}))
        assert found["station"]["power_limit_w"] == 12345
