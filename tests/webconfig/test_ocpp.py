"""Pages of the central system: what is shown, tested, changed, and by whom."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chargepoint.messages import (
    ActionResult,
    ChangeKey,
    FramesPage,
    KeysPage,
    LinkStatus,
    LinkTestState,
    LinkTestStep,
    LocalListPage,
    LocalListRow,
    OcppFrame,
    OcppKey,
    ParkedPage,
    ParkedSession,
    ReadFrames,
    ReadKeys,
    ReadLocalList,
    ReadParked,
    ResendParked,
    SetPassword,
    TestLink,
)
from chargepoint.vocabulary import LinkState
from tests.webconfig.bench import Bench
from tests.webconfig.test_config import a_file
from webconfig.ocpp_frames import fitting, paired

OK = ActionResult(ok=True, code="ok")
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY = OcppKey("HeartbeatInterval", "300", "300", "integer", "Seconds", "at once", False, False, 0, 86400, "s")
SECRET = OcppKey("AuthorizationKey", None, "", "text", "Password", "with a new connection, at once", False, True)


def frame(direction: str, text: str, number: int, action: str = "Heartbeat") -> OcppFrame:
    return OcppFrame(direction=direction, action=action, text=text, number=number, at=AT)


def test_requests_and_answers_are_paired_across_directions() -> None:
    found = paired(
        [
            frame("out", '[2,"1","Heartbeat",{}]', 1),
            frame("in", '[2,"1","GetConfiguration",{"key":["A"]}]', 2, "GetConfiguration"),
            frame("in", '[3,"1",{"currentTime":"x"}]', 3),
            frame("out", '[4,"1","NotSupported","no",{}]', 4, "GetConfiguration"),
            frame("in", '[3,"9",{}]', 5),
            frame("in", "rubbish", 6, ""),
            frame("out", '[2,"2","Heartbeat",{}]', 7),
        ]
    )
    assert [(one.number, one.outcome) for one in found] == [
        (7, "open"), (6, "alone"), (5, "alone"), (2, "error"), (1, "result"),
    ]  # fmt: skip
    assert "NotSupported" in found[3].answer and "currentTime" in found[4].answer
    assert [one.number for one in fitting(found, action="Heartbeat", text="CURRENTTIME")] == [1]


@pytest.mark.realtime
async def test_the_page_shows_tests_and_changes(tmp_path: Path) -> None:
    asked: list[Any] = []

    def take(request: Any) -> ActionResult:
        asked.append(request)
        if isinstance(request, ChangeKey) and request.before != "300":
            return ActionResult(ok=False, code="changed", values={"value": "300"})
        return OK

    held = ParkedSession(7, 1, 3, 5, True, "CALLERROR <b>FormationViolation</b>")
    answers = {
        "ocpp": {
            ReadParked: lambda _r: ParkedPage(sessions=(held,)),
            ReadKeys: lambda _r: KeysPage(keys=(SECRET, KEY)),
            ReadFrames: lambda _r: FramesPage(
                frames=(frame("out", '[2,"1","Heartbeat",{}]', 1), frame("in", '[3,"1",{"currentTime":"now"}]', 2))
            ),
            ReadLocalList: lambda r: LocalListPage(
                version=4, total=9, found=1, rows=(LocalListRow(r.search, "Accepted"),)
            ),
            TestLink: take, ChangeKey: take, SetPassword: take, ResendParked: take,
        }
    }  # fmt: skip
    async with Bench(tmp_path, answers=answers) as bench:
        bus = bench.buses["ocpp"]
        bus.set_state("link", LinkStatus(state=LinkState.ONLINE, url="wss://central.example/CP1", queued=4, parked=1))
        steps = (
            LinkTestStep("address", "ok", "address_ok", {"host": "h", "port": "443", "identity": "CP1"}, "", 0.001),
            LinkTestStep("tls", "failed", "tls_name", {"names": "<i>x</i>", "host": "h"}, "detail", 0.2),
        )
        bus.set_state("link/test", LinkTestState(url="wss://h/CP1", by="tim", at=AT, verdict="failed", steps=steps))
        client = await bench.log_in("tim")
        page = await client.get("/ocpp")
        assert page.status == 200, page.text
        for text in (
            "wss://central.example/CP1",
            "connected",
            "There is no connection",
            "&lt;i&gt;x&lt;/i&gt;",
            "What to do:",
            "many servers drop the first",
            "FormationViolation",
            "/sessions/7",
        ):
            assert text in page.text, text
        assert "<i>x</i>" not in page.text and "Forget the server" not in page.text
        assert (await client.post("/ocpp/test", {"boot": "1"})).headers["Location"].startswith("/ocpp?done=test")
        assert asked[-1] == TestLink(sends_boot=True, by="tim")
        assert (await client.post("/ocpp/password", {"password": "correct-horse"})).status == 303
        assert asked[-1].password == "correct-horse" and "correct-horse" not in (await client.get("/ocpp")).text
        assert (await client.post("/ocpp/resend")).status == 303
        keys = await client.get("/ocpp/keys")
        assert "HeartbeatInterval" in keys.text and 'value="300"' in keys.text
        assert (
            await client.post("/ocpp/keys", {"name": "HeartbeatInterval", "value": "60", "before": "300"})
        ).status == 303
        late = await client.post("/ocpp/keys", {"name": "HeartbeatInterval", "value": "60", "before": "30"})
        assert late.status == 409 and "changed meanwhile" in late.text
        found = await client.get("/ocpp/messages?action=Heartbeat&follow=1")
        assert found.status == 200 and "currentTime" in found.text and "follow" in found.text
        assert (await client.get("/ocpp/messages.jsonl")).body.count(b"\n") == 2
        assert "aa11" in (await client.get("/ocpp/list?search=aa11")).text
        assert (await client.get("/ocpp/profiles")).status == 200
        viewer = await bench.log_in("vera")
        seen = await viewer.get("/ocpp")
        assert seen.status == 200 and 'action="/ocpp/test"' not in seen.text
        assert (await viewer.get("/ocpp/messages")).status == 403
        assert (await viewer.post("/ocpp/test")).status == 403
        administrator = await bench.log_in("admin")
        assert "Forget the server" in (await administrator.get("/ocpp")).text
        assert (await administrator.post("/ocpp/forget")).status == 422


@pytest.mark.realtime
async def test_settings_go_into_the_draft_and_a_late_form_is_refused(tmp_path: Path) -> None:
    async with Bench(tmp_path, config=a_file(tmp_path)) as bench:
        client = await bench.log_in("tim")
        page = await client.get("/ocpp")
        assert "The OCPP service does not answer" in page.text and page.status == 200
        fields = {"draft": "", "ocpp-url": "wss://central.example/ocpp", "ocpp-security_profile": "2"}
        assert (await client.post("/ocpp/settings", {**fields, "ocpp-url": "http://x"})).status == 422
        assert (await client.post("/ocpp/settings", fields)).headers["Location"].startswith("/ocpp?done=draft")
        page = await client.get("/ocpp")
        assert 'value="wss://central.example/ocpp"' in page.text and "There is a draft" in page.text
        late = await client.post("/ocpp/settings", {**fields, "ocpp-identity": "OTHER"})
        assert late.status == 409 and 'value="OTHER"' in late.text
        version = re.search(r'name="draft" value="([^"]*)"', page.text)
        assert version is not None and version[1]
        texts = {"draft": version[1], "screen-phone": "+7 700 1", "screen-links-app": "https://app.example/{station}"}
        assert (await client.post("/tariffs/texts", texts)).status == 303
        page = await client.get("/tariffs")
        assert "+7 700 1" in page.text and "https://app.example/" in page.text and "<svg" in page.text
        version = re.search(r'name="draft" value="([^"]*)"', page.text)
        assert version is not None
        assert (await client.post("/hmi", {"draft": version[1], "screen-languages": "kk, ru"})).status == 303
        assert 'value="kk, ru"' in (await client.get("/hmi")).text
