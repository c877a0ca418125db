"""What is taken over from a station file that cannot be used, to serve the pages that repair it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoint.config import Secrets
from chargepoint.config_web import WebSettings
from chargepoint.safe_mode import rescued
from chargepoint.services import SERVICES, World

WEB = '[web]\nhttps_port = 8443\naddresses = ["192.0.2.1"]\n'


@pytest.mark.parametrize(
    "text, port, name",
    [
        (WEB + '[station]\nname = "north"\n', 8443, "north"),
        (WEB + "[station\nname = 7", 8443, "station"),
        ("= no TOML\n" + WEB + '[[port]]\nx = [\n[station]\nname = "south"\n', 8443, "south"),
        (WEB + 'plain_http = "always"\n', 443, "station"),  # half a rule of who may come in is none
        (WEB.replace("8443", "70000"), 443, "station"),
        (WEB + "unknown = 1\n", 443, "station"),
        ("web = 5\nstation = []\nscreen = [[]]\n", 443, "station"),
        ("\0\0\0\0", 443, "station"),
        ("", 443, "station"),
    ],
)
def test_a_section_is_taken_over_whole_or_not_at_all(tmp_path: Path, text: str, port: int, name: str) -> None:
    config = tmp_path / "station.toml"
    config.write_text(text, encoding="utf-8")
    found = rescued(config)
    assert (found.web.https_port, found.station.name) == (port, name)
    assert found.web.addresses == (("192.0.2.1",) if port == 8443 else ())
    assert not found.connector and not found.port


def test_without_a_file_defaults_serve(tmp_path: Path) -> None:
    assert rescued(tmp_path / "none.toml").web == WebSettings()
    assert rescued(tmp_path).web == WebSettings()


@given(st.binary(max_size=200))
def test_whatever_stands_in_the_file_there_are_settings(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    config = tmp_path_factory.getbasetemp() / "noise.toml"
    config.write_bytes(b"[web]\n" + noise + b"\n[station]\n" + noise)
    assert not rescued(config).connector


def test_nothing_that_touches_energy_or_the_central_system_is_started(tmp_path: Path) -> None:
    world = World(settings=rescued(tmp_path), secrets=Secrets(), data=tmp_path, safe_mode=("a fault",))
    assert {row.name for row in world.needed()} <= {"helper", "discovery", "webconfig", "fota", "diag"}
    assert {"helper", "webconfig"} <= {row.name for row in world.needed()}
    assert {"station", "ocpp"} <= {row.name for row in SERVICES}
