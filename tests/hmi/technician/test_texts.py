"""The catalogues of the service menu: the same keys and places in every language; every deed has its words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import hmi.technician
from chargepoint.action_table import ACTIONS
from chargepoint.guards import Guard
from chargepoint.vocabulary import ConnectorFlag, ConnectorStatus, ControllerStatus, LogicalStatus, TechnicalStatus
from drivers.interfaces import HardwareFlag
from hmi.words import OWN_NAMES, staff_catalogue

PLACES = re.compile(r"\{(\w+)\}")


@pytest.mark.parametrize("language", OWN_NAMES)
def test_every_language_has_the_same_keys_and_places(language: str) -> None:
    mine, english = staff_catalogue(language), staff_catalogue("en")
    assert set(mine) == set(english)
    for key, text in english.items():
        assert set(PLACES.findall(str(mine[key]))) == set(PLACES.findall(str(text))), key


def test_every_deed_has_a_verb_and_every_guarded_one_an_effect() -> None:
    known = staff_catalogue("en")
    for name, action in ACTIONS.items():
        assert f"verb.{name}" in known
        if action.missing:
            assert f"missing.{name}" in known
        elif action.guard > Guard.G0 and name not in ("start", "user_limit"):
            assert f"effect.{name}" in known, name


def test_every_status_and_flag_has_its_word() -> None:
    known = staff_catalogue("en")
    names = [f"cs.{each.name}" for each in ControllerStatus] + [f"cstatus.{each.name}" for each in ConnectorStatus]
    names += [f"fl.{each.name}" for each in (*ConnectorFlag, *HardwareFlag)]
    names += [f"tstate.{each.name}" for each in TechnicalStatus] + [f"lstate.{each.name}" for each in LogicalStatus]
    assert [name for name in names if name not in known] == []


def test_every_text_a_page_asks_for_is_there() -> None:
    known = staff_catalogue("en")
    folder = Path(hmi.technician.__file__).parent
    wanted = {
        key
        for path in folder.glob("*.py")
        for key in re.findall(r"\bt\(\s*\"(\w+)\"", path.read_text(encoding="utf-8"))
    }
    assert sorted(key for key in wanted if f"tech.{key}" not in known) == []
