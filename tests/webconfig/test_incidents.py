"""The list of incidents at the web: what was and is wrong, page by page, in the reader's language."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chargepoint.messages import Incident, IncidentsPage, ReadIncidents
from hmi.words import staff_catalogue
from tests.webconfig.bench import Bench
from webconfig.words import Words

pytestmark = pytest.mark.realtime
MAY = datetime(2026, 5, 17, 12, 0, tzinfo=UTC)


def read(request: ReadIncidents) -> IncidentsPage:
    found = tuple(
        Incident(id=number, type="smoke", level="bad", device_type="input", device=f"S{number}", opened_at=MAY,
                 closed_at=None if number > 2 else MAY + timedelta(hours=1), is_open=number > 2, count=number,
                 info="<b>")
        for number in range(3, 0, -1) if not request.before_id or number < request.before_id
    )  # fmt: skip
    return IncidentsPage(incidents=found[: request.limit], has_more=len(found) > request.limit)


async def test_incidents_are_listed_with_begin_and_end_and_older_ones_follow(tmp_path: Path) -> None:
    answers: dict[str, dict[type[Any], Any]] = {"diag": {ReadIncidents: read}}
    async with Bench(tmp_path, answers=answers) as bench:
        vera = await bench.log_in("vera", "ru")
        text = (await vera.get("/incidents")).text
        assert text.count("Дым") == 3 and text.count("продолжается") == 1 and "вход S3" in text
        assert "&lt;b&gt;" in text and "<td><b></td>" not in text
        first = (await vera.get("/api/v1/incidents?limit=2")).json()
        assert [each["id"] for each in first["incidents"]] == [3, 2] and first["next_before"] == 2
        last = (await vera.get("/api/v1/incidents?limit=2&before=2")).json()
        assert [each["id"] for each in last["incidents"]] == [1] and last["next_before"] is None
        assert "before=2" in (await vera.get("/incidents?limit=2")).text
        assert (await vera.get("/incidents?show=closed")).status == 422
        assert 'href="/incidents"' in (await vera.get("/")).text


def test_every_kind_of_incident_has_words_in_each_language() -> None:
    from diag.incident_kinds import KINDS  # what the list is made of, not what the page needs

    for language in ("ru", "en", "kk"):
        known = Words(language)
        assert not [kind for kind in KINDS if not known.has(f"itrouble.{kind}")]
    words = [word for word in staff_catalogue("en") if word.startswith("itrouble.")]
    assert len(words) == len(KINDS)
