"""What the documents say is true: generated pages are current, links lead somewhere, lists are complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chargepoint import config_documentation, device_documentation
from chargepoint.__main__ import SUMMARIES
from chargepoint.config import Settings
from chargepoint.hub import EXIT_CODES
from chargepoint.services import HUB, SERVICES
from drivers import loading
from drivers.simulated import faces

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "systemd").glob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")


def test_the_configuration_page_is_current() -> None:
    assert config_documentation.FILE.read_text(encoding="utf-8") == config_documentation.page(), (
        "run: python -m chargepoint.config_documentation"
    )


def test_the_devices_page_is_current() -> None:
    assert device_documentation.FILE.read_text(encoding="utf-8") == device_documentation.page(), (
        "run: python -m chargepoint.device_documentation"
    )


def drivers() -> list[tuple[str, str]]:
    kinds = loading.KIND_OF_SECTION.items()
    return [(section, name) for section, kind in kinds for name in loading.known(kind)]


@pytest.mark.parametrize(("section", "name"), drivers())
def test_every_driver_says_what_it_is_and_has_another_side(section: str, name: str) -> None:
    module = loading.load(loading.KIND_OF_SECTION[section], name)
    assert module.ABOUT.source and module.ABOUT.abilities and module.ABOUT.models
    assert faces.is_known(section, name) or section == "reader"


def test_the_configuration_page_has_every_key_with_a_meaning() -> None:
    page = config_documentation.page()
    for section in Settings.__struct_fields__:
        assert f"[{section}]" in page
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) >= 60
    assert all(not row.endswith("|  |") for row in rows)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in LINK.findall(path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target.partition("#")[0]).exists(), target


def test_operations_name_every_command_and_exit_status() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for name in SUMMARIES:
        assert f"| `chargepoint {name}" in text
    table = text[text.index("## Exit statuses") : text.index("## Files in")]
    for code in EXIT_CODES:
        assert re.search(rf"^\|.*\b{code}\b.*\|.*\|$", table, re.MULTILINE), code


def test_operations_name_the_files_of_every_service_that_keeps_some() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for service in (HUB, *SERVICES):
        assert service.name in ("rfid", "hmi", "discovery") or f"| `{service.name}/" in text


def test_every_script_the_readme_names_is_there() -> None:
    for name in re.findall(r"scripts/\w+\.sh", (ROOT / "README.md").read_text(encoding="utf-8")):
        assert (ROOT / name).stat().st_mode & 0o111
