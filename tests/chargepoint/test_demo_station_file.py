"""The demo's copy of a station file is the same station on other wires."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoint.demo.station_file import prepared, toml_text

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_survives_being_written_again(path: Path) -> None:
    data = tomllib.loads(path.read_text())
    assert tomllib.loads(toml_text(data)) == data


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.one_of(
    st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), texts, st.datetimes(), st.dates()
)
tables = st.recursive(
    st.dictionaries(texts, st.one_of(values, st.lists(values, max_size=4)), max_size=4),
    lambda below: st.dictionaries(texts, st.one_of(values, below, st.lists(below, max_size=3)), max_size=4),
    max_leaves=12,
)


@given(tables)
def test_whatever_toml_can_say_is_read_back_as_it_was(table: dict[str, Any]) -> None:
    assert tomllib.loads(toml_text(table)) == table


def test_what_toml_cannot_say_is_refused() -> None:
    with pytest.raises(TypeError, match="NoneType"):
        toml_text({"a": None})


def test_wires_and_server_are_filled_in_and_nothing_else_changes() -> None:
    station = {
        "station": {"name": "x"},
        "port": [
            {"name": "a", "device": "run/a", "baud_rate": 19200},
            {"name": "b", "kind": "tcp"},
            {"name": "c"},
            {"name": "d", "kind": "can", "device": "can0"},
        ],
        "ocpp": {"url": "ws://old", "identity": "x", "reconnect_spread_s": 120},
    }
    new = prepared(station, {"a": "/dev/pts/7", "b": ("127.0.0.1", 5020), "d": "/dev/pts/8"}, "ws://127.0.0.1:1/ocpp")
    assert new["port"] == [
        {"name": "a", "device": "/dev/pts/7", "baud_rate": 19200},
        {"name": "b", "kind": "tcp", "host": "127.0.0.1", "port": 5020},
        {"name": "c"},
        {"name": "d", "kind": "can", "device": "/dev/pts/8", "interface": "slcan"},
    ]
    assert new["ocpp"] == {"url": "ws://127.0.0.1:1/ocpp", "identity": "x", "reconnect_spread_s": 0}
    assert new["station"] == station["station"]
    assert station["ocpp"]["url"] == "ws://old"  # type: ignore[index]
