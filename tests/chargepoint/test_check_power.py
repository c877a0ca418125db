"""What `chargepoint check` says of modules and contactors that can be used and are probably not meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargepoint.commands.check_power import warnings
from chargepoint.config import load

EXAMPLES = Path(__file__).parents[2] / "examples"
MATRIX, RING = "dc-240-matrix.toml", "cabinet-480.toml"


@pytest.mark.parametrize("name", [MATRIX, RING, "dc-120-dual.toml", "ac-post.toml"])
def test_examples_are_meant_as_they_are(name: str) -> None:
    assert not warnings(load(EXAMPLES / name))


@pytest.mark.parametrize(
    ("name", "before", "after", "words"),
    [
        (MATRIX, 'between = ["G1", "O1"]', 'between = ["G2", "O1"]', ("K21", "K11")),
        (RING, '"N7", "N8"', '"N8"', ("nodes", "N7")),
        (MATRIX, "efficiency = ", "# efficiency = ", ("efficiency", "no meter")),
    ],
    ids=["copied contactor", "forgotten node", "losses unknown"],
)
def test_what_is_probably_not_meant_is_told(
    tmp_path: Path, name: str, before: str, after: str, words: tuple[str, ...]
) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    file = tmp_path / name
    assert before in text
    file.write_text(text.replace(before, after, 1), encoding="utf-8")
    (warning,) = warnings(load(file))
    assert all(word in warning for word in words)
