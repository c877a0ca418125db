"""What the package brings to a system: units that systemd takes and how far they are closed, accounts, folders."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from chargepoint.services import HUB, SERVICES

ROOT = Path(__file__).parents[1]
SYSTEMD = ROOT / "systemd"
UNITS = {"chargepoint.service": 39, "chargepoint-kiosk.service": 30}
"""Each with the exposure it may have at most, times ten (systemd-analyze security); systemd/README.md says what
each point of chargepoint.service is for."""

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


@needs_systemd
@pytest.mark.realtime
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_no_fault_in_a_unit(unit: str, tmp_path: Path) -> None:
    text = (SYSTEMD / unit).read_text()
    (tmp_path / unit).write_text(re.sub(r"^ExecStart=/opt/.*$", "ExecStart=/bin/true", text, flags=re.MULTILINE))
    found = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", tmp_path / unit],
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    about_it = [line for line in found.stderr.splitlines() if unit in line]
    assert about_it == []


@needs_systemd
@pytest.mark.realtime
@pytest.mark.parametrize(("unit", "most"), UNITS.items())
def test_a_unit_is_no_more_exposed_than_argued_for(unit: str, most: int) -> None:
    found = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", f"--threshold={most}", SYSTEMD / unit],
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout.splitlines()[-1]


def accounts() -> set[str]:
    return set(re.findall(r"^u (\S+)", (SYSTEMD / "sysusers.conf").read_text(), re.MULTILINE))


def test_each_service_that_is_not_root_has_an_account_that_cannot_log_in() -> None:
    assert accounts() == {"chargepoint"} | {
        f"chargepoint-{service.name}" for service in (HUB, *SERVICES) if not service.is_root
    }
    for line in (SYSTEMD / "sysusers.conf").read_text().splitlines():
        assert not line.startswith("u ") or line.endswith("/usr/sbin/nologin")


def test_only_accounts_that_exist_own_folders_or_get_groups() -> None:
    owners = re.findall(r"^[dzf] \S+ +\d+ +(\S+) +(\S+)", (SYSTEMD / "tmpfiles.conf").read_text(), re.MULTILINE)
    members = re.findall(r"^m (\S+)", (SYSTEMD / "sysusers.conf").read_text(), re.MULTILINE)
    assert owners and members
    assert {name for pair in owners for name in pair} | set(members) <= accounts() | {"root"}


def test_accounts_that_meet_the_network_reach_no_device() -> None:
    groups = re.findall(r"^m (\S+) +(\S+)", (SYSTEMD / "sysusers.conf").read_text(), re.MULTILINE)
    for name in ("ocpp", "webconfig", "fota", "diag", "hub"):
        assert {group for account, group in groups if account == f"chargepoint-{name}"} <= {"chargepoint"}


def test_the_station_is_started_again_for_ever_and_watched() -> None:
    unit = configparser.RawConfigParser(strict=False, delimiters=("=",), interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(SYSTEMD / "chargepoint.service")
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"
    service = unit["Service"]
    assert (service["Type"], service["Restart"], service["NotifyAccess"]) == ("notify", "always", "all")
    assert service["OOMPolicy"] == "continue"
    assert service["WatchdogSec"] == "30s"
    least = min(service.oom_score for service in (HUB, *SERVICES))
    assert int(service["OOMScoreAdjust"]) <= least  # from there each goes up, for which it needs no right


def test_what_a_station_needs_has_an_exact_version_with_checksums() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"]]
    for extra in ("screen", "readers", "gpio"):
        wanted += project["optional-dependencies"][extra]
    names = {re.split(r"[^A-Za-z0-9_.-]", requirement)[0].lower().replace("_", "-") for requirement in wanted}
    lines = (ROOT / "scripts/constraints.txt").read_text().splitlines()
    pinned = {
        match[1]: lines[at + 1] for at, line in enumerate(lines) if (match := re.match(r"([a-z0-9.-]+)==\S+", line))
    }
    assert names <= set(pinned), "scripts/build_deb.sh --lock"
    assert all("--hash=sha256:" in after for after in pinned.values())


def test_the_python_of_the_package_is_the_one_it_is_built_for() -> None:
    build = (ROOT / "scripts/build_deb.sh").read_text()
    control = (SYSTEMD / "debian/control").read_text()
    assert "python=/usr/bin/python3.11" in build and '"runtime": "cp311"' in build
    assert "python3.11," in control and sys.version_info >= (3, 11)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("--release", "without --keys"),
        ("--release --keys KEYS", "--security-contact"),
        ("--release --keys KEYS --security-contact a@b.example", "--supported-until"),
        ("--release --keys KEYS --security-contact a@b.example --supported-until 2020-01-01", "--supported-until"),
        ("--supported-until 2031-02-30", "a day is expected"),
        ('--security-contact a"@b.example', "a mail address"),
    ],
)
@pytest.mark.realtime
def test_a_release_without_contact_and_time_is_not_built(tmp_path: Path, words: str, reason: str) -> None:
    (tmp_path / "trust.json").write_text("{}")
    given = words.replace("KEYS", str(tmp_path)).split()
    built = subprocess.run(
        [ROOT / "scripts/build_deb.sh", "--out", tmp_path / "out", *given],
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert built.returncode == 1 and reason in built.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("script", sorted(str(path.relative_to(ROOT)) for path in (SYSTEMD / "debian").glob("p*")))
def test_scripts_of_the_package_can_be_read_by_the_shell(script: str) -> None:
    assert subprocess.run(["sh", "-n", ROOT / script], check=False, timeout=10).returncode == 0
