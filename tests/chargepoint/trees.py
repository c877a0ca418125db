"""Trees of software that are none: what slots.py and start.sh look at, and nothing more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chargepoint import slots
from chargepoint.software_trial import TREE

QUIET = "#!/bin/sh\nexit 0\n"


def fill(tree: Path, version: str, program: str = QUIET) -> Path:
    """A whole tree; its `bin/python` is that script."""
    (tree / "bin").mkdir(parents=True, exist_ok=True)
    (tree / "bin/python").write_text(program)
    (tree / "bin/python").chmod(0o755)
    (tree / slots.RELEASE).write_text(json.dumps({"product": "test", "version": version}))
    return tree


def info(version: str, **more: str) -> dict[str, str]:
    return {"version": version, "kind": "application", "sha256": f"sum of {version}", **more}


def stage(folder: Path, version: str, program: str = QUIET, **more: str) -> str:
    """Fill the free slot and say that it is ready; its name."""
    slot = slots.open_slot(folder)
    fill(slot, version, program)
    slots.mark_ready(folder, slot.name, info(version, **more))
    return slot.name


def install(folder: Path, factory: Path, version: str, program: str = QUIET) -> str:
    """All of an update that goes well; the name of the slot."""
    name = stage(folder, version, program)
    slots.switch(folder)
    slots.start(folder, factory)
    slots.keep(folder)
    return name


def put_on_trial(folder: Path, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An update is switched to, and what is started in this process is told by start.sh that it is that version."""
    name = stage(folder, version)
    slots.switch(folder)
    monkeypatch.setenv(TREE, str(folder / name))
