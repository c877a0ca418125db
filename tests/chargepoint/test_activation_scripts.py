"""scripts/sw_activation.sh and sw_deactivation.sh in a folder in the place of /."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from chargepoint import activation

SCRIPTS = Path(__file__).parents[2] / "scripts"
NAMES = ("sw_activation.sh", "sw_deactivation.sh")

pytestmark = pytest.mark.realtime


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    return tmp_path


def call(machine: Path, name: str) -> str:
    """What it says; `systemctl` and `chargepoint` only write down what they were asked."""
    tools = machine / "tools"
    tools.mkdir(exist_ok=True)
    for tool in ("systemctl", "chargepoint"):
        (tools / tool).write_text(f'#!/bin/sh\necho "{tool} $*" >> {machine}/called\n')
        (tools / tool).chmod(0o755)
    environment = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "CHARGEPOINT_ROOT": str(machine),
        "CHARGEPOINT_COMMAND": str(tools / "chargepoint"),
        "CHARGEPOINT_WAIT_S": "0",
    }
    done = subprocess.run(
        ["/bin/sh", str(SCRIPTS / name)], env=environment, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def called(machine: Path) -> list[str]:
    path = machine / "called"
    return path.read_text().splitlines() if path.exists() else []


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_a_unit_is_activated_deactivated_and_activated_again(machine: Path) -> None:
    keys = machine / "etc/chargepoint"
    assert "systemd does not run here" in call(machine, NAMES[0])
    assert activation.read(keys).activated
    assert activation.read(keys).serial == "0123456789abcdef0123456789abcdef"
    before = (keys / activation.FILE).read_bytes()
    assert "already" in call(machine, NAMES[0])
    assert (keys / activation.FILE).read_bytes() == before
    write(machine / "var/lib/chargepoint/station/journal.db", b"data")
    assert "nothing was deleted" in call(machine, NAMES[1])
    told = activation.read(keys)
    assert (told.activated, told.serial) == (False, "0123456789abcdef0123456789abcdef")
    assert "already" in call(machine, NAMES[1])
    assert (machine / "var/lib/chargepoint/station/journal.db").read_bytes() == b"data"
    call(machine, NAMES[0])
    assert activation.read(keys).activated
    assert called(machine) == []


def test_units_are_started_and_stopped_where_systemd_runs(machine: Path) -> None:
    (machine / "run/systemd/system").mkdir(parents=True)
    assert "not up after" in call(machine, NAMES[0])
    call(machine, NAMES[1])
    assert called(machine) == [
        "systemctl enable --now chargepoint.service",
        "systemctl disable --now chargepoint.service",
    ]


@pytest.mark.parametrize(
    ("place", "content", "serial"),
    [
        ("proc/device-tree/serial-number", b"10000000a1b2c3d4\0", "10000000a1b2c3d4"),
        ("sys/class/dmi/id/product_serial", b"SN 12/34\n", "SN1234"),
        ("sys/class/dmi/id/product_serial", b"To be filled by O.E.M.\n", "0123456789abcdef0123456789abcdef"),
        ("sys/class/dmi/id/product_serial", b"0000000000\n", "0123456789abcdef0123456789abcdef"),
        ("proc/device-tree/serial-number", b"", "0123456789abcdef0123456789abcdef"),
        ("sys/class/dmi/id/board_serial", b'x"; reboot #\n', "xreboot"),
    ],
)
def test_the_serial_number_is_the_machines_own(machine: Path, place: str, content: bytes, serial: str) -> None:
    write(machine / place, content)
    call(machine, NAMES[0])
    assert activation.read(machine / "etc/chargepoint").serial == serial


def test_a_copied_image_gets_an_id_of_its_own(machine: Path) -> None:
    (machine / "etc/machine-id").write_text("")
    call(machine, NAMES[0])
    serial = activation.read(machine / "etc/chargepoint").serial
    assert len(serial) == 32 and serial == (machine / "etc/machine-id").read_text().strip()


@pytest.mark.parametrize("name", NAMES)
def test_the_scripts_are_plain_sh(name: str) -> None:
    command = ["/bin/sh", "-n"] if shutil.which("shellcheck") is None else ["shellcheck"]
    subprocess.run([*command, str(SCRIPTS / name)], check=True, timeout=60)
