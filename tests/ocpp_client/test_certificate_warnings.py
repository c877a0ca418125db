"""Certificates that run out are told at 30, 14 and 3 days and at their end, each once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chargepoint.clock import Clock
from chargepoint.expiry import is_due, stage
from ocpp_client.certificate_warnings import CertificateWarnings
from ocpp_client.kept import Kept
from ocpp_client.simulated_authority import Authority
from tests.ocpp_client.rig import rig_clock

END = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "found"), [(31, None), (30, 30), (15, 30), (14, 14), (3.5, 14), (3, 3), (0.1, 3), (0, 0), (-9, 0)]
)
def test_stages(days: float, found: int | None) -> None:
    assert stage(END, END - timedelta(days=days)) == found


def test_each_stage_is_told_once() -> None:
    assert is_due(30, None) and not is_due(30, 30) and is_due(3, 14) and not is_due(30, 14) and not is_due(None, None)


async def test_what_runs_out_is_told_once_also_over_a_restart(tmp_path: Path) -> None:
    clock = rig_clock()
    soon = Authority.root("Soon", valid_to=clock.now() + timedelta(days=10))
    for expected in (1, 0):
        kept = await Kept.open(tmp_path, clock)
        try:
            kept.key_store.link_chain = (soon.own.certificate,)
            told: list[str] = []

            def failed(_action: str, _connector: int | None, text: str, to: list[str] = told) -> None:
                to.append(text)

            warnings = CertificateWarnings(kept.key_store, kept.facts, clock, failed)
            await warnings.look()
            await warnings.look()
            assert len(told) == expected and all("Soon" in text and "14 days" in text for text in told)
        finally:
            await kept.close()


async def test_nothing_is_told_while_the_time_is_not_known(tmp_path: Path) -> None:
    clock = Clock("boot")
    kept = await Kept.open(tmp_path, clock)
    try:
        kept.key_store.link_chain = (Authority.root("Old", valid_to=datetime(2025, 2, 1, tzinfo=UTC)).own.certificate,)
        told: list[str] = []
        await CertificateWarnings(kept.key_store, kept.facts, clock, lambda _a, _c, text: told.append(text)).look()
        assert told == []
    finally:
        await kept.close()
