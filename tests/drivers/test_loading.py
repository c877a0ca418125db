"""Drivers are found by their file's name, others' by entry point."""

from __future__ import annotations

import importlib.metadata
import types

import pytest

from drivers.loading import UnknownDriver, delivered_address, known, load
from drivers.meters import eastron


def test_a_driver_is_the_file_of_its_name() -> None:
    assert load("meters", "eastron") is eastron
    assert "eastron" in known("meters") and "native" in known("controllers")


def test_files_that_are_no_drivers_are_not_offered() -> None:
    assert "modbus_meter" not in known("meters") and "registers" not in known("meters")
    with pytest.raises(UnknownDriver):
        load("meters", "modbus_meter")


def test_a_mistyped_name_gets_the_nearest_one() -> None:
    with pytest.raises(UnknownDriver, match="there is no driver 'estron' for meters: did you mean 'eastron'") as caught:
        load("meters", "estron")
    assert caught.value.nearest == "eastron"


@pytest.mark.parametrize("name", ["", "..native", "os.path", "../eastron", "Eastron", "__init__"])
def test_names_that_are_no_file_names_of_drivers_lead_nowhere(name: str) -> None:
    with pytest.raises(UnknownDriver):
        load("meters", name)


def test_an_unknown_kind_has_no_drivers() -> None:
    assert known("engines") == ()
    with pytest.raises(UnknownDriver, match="known are none"):
        load("engines", "v8")


def test_other_packages_add_drivers_by_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("acme")
    module.Settings = module.open_device = object()  # type: ignore[attr-defined]

    class Entry:
        name = "meters.acme"

        def load(self) -> types.ModuleType:
            return module

    entries = importlib.metadata.EntryPoints([Entry()])  # type: ignore[list-item]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: entries)
    assert {"acme", "eastron"} <= set(known("meters"))
    assert load.__wrapped__("meters", "acme") is module


@pytest.mark.parametrize(
    ("kind", "name", "address"),
    [
        ("meters", "eastron", 1), ("meters", "iskra", 33), ("controllers", "advantics", 3),
        ("controllers", "bender_cc", 255), ("controllers", "viridian", 101), ("insulation", "dold_rn5893", 30),
        ("controllers", "openevse", 1),
    ],
)  # fmt: skip
def test_the_address_of_a_device_as_it_is_delivered(kind: str, name: str, address: int) -> None:
    assert delivered_address(kind, name) == address
