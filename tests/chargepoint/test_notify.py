"""What systemd is told."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from chargepoint.notify import ServiceNotifier


@pytest.mark.parametrize(
    ("tree", "told"), [("", b"STOPPING=1\nSTATUS=stopping"), ("/opt/chargepoint/app", b"STATUS=stopping")]
)
def test_under_start_sh_the_end_of_a_run_is_not_the_end_of_the_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tree: str, told: bytes
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.delenv("CHARGEPOINT_TREE", raising=False)
    if tree:
        monkeypatch.setenv("CHARGEPOINT_TREE", tree)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5)
        ServiceNotifier().say_stopping("stopping")
        assert systemd.recv(100) == told
