"""What the kernel tells, read from files as it writes them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chargepoint.privileged import rules
from webconfig.machine import kernel
from webconfig.machine.asking import REASONS
from webconfig.machine.cpu import CpuMeter
from webconfig.machine.zones import zones
from webconfig.words import LANGUAGES, pages_catalogue

TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   1: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2
   2: 0A0200C0:C350 0100007F:01BB 01 00000000:00000000 00:00000000 00000000     0        0 3
"""
TCP6 = """  sl  local_address                         remote_address
   0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 4
"""


def test_listening_ports_are_read(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(TCP, encoding="ascii")
    (tmp_path / "net" / "tcp6").write_text(TCP6, encoding="ascii")
    assert kernel.listeners(tmp_path) == (
        kernel.Listener(80, "::1"), kernel.Listener(443, "0.0.0.0"), kernel.Listener(8080, "127.0.0.1"),
    )  # fmt: skip
    assert kernel.listeners(tmp_path / "nowhere") == ()


def test_temperatures_that_cannot_be_are_left_out(tmp_path: Path) -> None:
    for number, (kind, value) in enumerate((("cpu", "51234"), ("broken", "x"), ("open", "850000"))):
        zone = tmp_path / f"thermal_zone{number}"
        zone.mkdir()
        (zone / "type").write_text(f"{kind}\n", encoding="ascii")
        (zone / "temp").write_text(f"{value}\n", encoding="ascii")
    found = kernel.machine(tmp_path, proc=tmp_path, thermal=tmp_path)
    assert [name for name, _ in found.temperatures] == ["cpu"]
    assert found.temperatures[0][1] == pytest.approx(51.234)
    assert (found.load, found.uptime_s, found.memory_total_bytes) == (None, None, 0) and found.disk_total_bytes > 0


def test_a_process_tells_its_use_and_one_that_is_gone_none(monkeypatch: pytest.MonkeyPatch) -> None:
    own = kernel.process(os.getpid())
    assert own is not None and own.cpu_s > 0 and own.memory_bytes > 1 << 20
    assert kernel.process(0) is None and kernel.process(1 << 30) is None
    meter = CpuMeter()
    used = [1.0, 1.5, 1.6]
    monkeypatch.setattr(kernel, "process", lambda _pid: kernel.ProcessUse(used.pop(0), 1) if used else None)
    assert meter.share_pct(7, 10.0) is None
    assert meter.share_pct(7, 12.0) == pytest.approx(25.0)
    assert meter.share_pct(7, 12.1) == pytest.approx(25.0), "too soon: what was found before"
    assert meter.share_pct(7, 14.0) is None


def test_zones_are_those_of_the_system(tmp_path: Path) -> None:
    assert zones(tmp_path) == ["UTC"]
    (tmp_path / "zone.tab").write_text("# comment\nKZ\t+4315+07657\tAsia/Almaty\tmost\nxx\n", encoding="utf-8")
    assert zones(tmp_path) == ["UTC", "Asia/Almaty"]


def test_every_fault_of_a_network_has_a_text_in_each_language() -> None:
    for language in LANGUAGES:
        texts = pages_catalogue(language)
        assert all(texts.get(f"network_fault.{code}") for code in rules.TEXTS)
        assert all(texts.get(f"network_reason.{word}") for word in REASONS.values())
        for section in ("network", "time", "service", "firmware", "network_state", "network_modem"):
            assert {key for key in texts if key.startswith(f"{section}.")} == {
                key for key in pages_catalogue("en") if key.startswith(f"{section}.")
            }
