"""What strangers may write into a station file costs bounded time and memory, and raises one kind of error."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from chargepoint import config_file
from chargepoint.config_drafts import parsed
from chargepoint.config_faults import ConfigError
from chargepoint.config_text import TooDeep, loads

LONG = ".".join(["a"] * 60_000)
BAD = {
    "a key of 60,000 parts": f"{LONG} = 1\n",
    "a section of 60,000 parts": f"[{LONG}]\n",
    "one of 60,000 parts in a table": f'a = {{b = """\n""", {LONG} = 1}}\n',
    "long keys below a long section": "[" + ".".join(["a"] * 1000) + "]\n"
    + "".join(f"{'.'.join(['b'] * 50)}.k{n} = 1\n" for n in range(2000)),
    "tables in tables": ".".join(["a"] * 200) + " = 1\n",
    "lists in lists": "a = " + "[" * 60_000 + "]" * 60_000 + "\n",
    "tables in tables by brackets": "a = " + "{a=" * 2000 + "1" + "}" * 2000 + "\n",
    "a number of 5,000 digits": "a = " + "9" * 5000 + "\n",
}  # fmt: skip


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_what_costs_too_much_is_refused_before_it_is_read(text: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError):
        loads(text)
    assert parsed(text) is None  # a draft with it can be looked at and dropped
    with pytest.raises(ConfigError):
        config_file.parse(text.encode(), "station.toml")


def test_the_fault_says_what_is_wrong() -> None:
    with pytest.raises(TooDeep, match="keys are too long"):
        loads(BAD["a key of 60,000 parts"])
    with pytest.raises(ConfigError, match="nested too deeply"):
        config_file.parse(BAD["tables in tables"].encode(), "station.toml")


def test_a_large_station_file_is_read(tmp_path: Path) -> None:
    connectors = "".join(f"[[connector]]\nnumber = {n}\nlimit.a = 1.5\nname = 'no. {n}.'\n" for n in range(1000))
    assert len(loads("[texts]\nlong = '" + "A word. " * 200 + "'\n" + connectors)["connector"]) == 1000
