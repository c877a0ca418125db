"""The station file at the web: forms, text, conflict, difference, history, safe mode."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargepoint.messages import ReadConfiguration, WriteDraft
from tests.journeys.rig import ONE_AC
from tests.webconfig.bench import PASSWORD, Bench, Client

pytestmark = pytest.mark.realtime


def a_file(folder: Path, text: str = ONE_AC) -> Path:
    path = folder / "station.toml"
    path.write_text(text.replace("set-by-the-rig", "127.0.0.1"))
    return path


def version_on(page: str) -> str:
    return page.split('name="version" value="')[1].split('"')[0]


async def test_values_are_changed_in_forms_and_two_windows_do_not_overwrite_each_other(tmp_path: Path) -> None:
    async with Bench(tmp_path, config=a_file(tmp_path)) as bench:
        assert (await (await bench.log_in("oleg")).get("/config")).status == 403
        client = await bench.log_in("tim")
        page = await client.get("/config?q=power+limit")
        assert page.status == 200, page.text
        assert "[station] power_limit_w" in page.text
        page = await client.get("/config/section/station")
        assert page.status == 200 and 'name="v.power_limit_w"' in page.text
        first = version_on(page.text)
        saved = await client.post("/config/section/station", {"version": first, "v.power_limit_w": "11000"})
        assert saved.status == 303, saved.text
        second = await client.post("/config/section/station", {"version": first, "v.power_limit_w": "12000"})
        assert second.status == 409
        assert "11000" in second.text and "12000" in second.text  # both are shown
        bad = await client.post(
            "/config/section/connector/1", {"version": version_on(second.text), "v.max_power_w": "-5"}
        )
        assert bad.status == 303
        page = await client.get("/config/section/connector/1")
        assert 'aria-invalid="true"' in page.text  # at its field
        page = await client.get("/config/difference")
        assert "/config/section/connector/1#f-v.max_power_w" in page.text  # in the list, with a link
        assert "/deeds/" not in page.text  # nothing faulty is applied
        version = version_on((await client.get("/config/section/connector/1")).text)
        assert (
            await client.post("/config/section/connector/1", {"version": version, "reset": "max_power_w"})
        ).status == 303
        version = version_on((await client.get("/config/section/connector/1")).text)
        await client.post("/config/section/connector/1", {"version": version, "v.max_power_w": "11 000"})
        page = await client.get("/config/difference")
        assert 'action="/deeds/apply_values"' in page.text
        assert "11000" in page.text
        other = await bench.log_in("admin")
        assert "Drafts of others: tim" in (await other.get("/config")).text
        assert (await other.get("/config/history")).status == 200


async def test_the_text_is_checked_and_versions_come_back_as_drafts(tmp_path: Path) -> None:
    async with Bench(tmp_path, config=a_file(tmp_path)) as bench:
        assert bench.config is not None
        client = await bench.log_in("admin")
        page = await client.get("/config/raw")
        version = version_on(page.text)
        checked = await client.post("/config/raw", {"version": version, "do": "check", "text": "[station]\nname = \n"})
        assert checked.status == 200 and 'href="/config/raw#line-2"' in checked.text
        saved = await client.post(
            "/config/raw",
            {"version": version, "do": "save", "text": bench.config.read_text().replace("22_000", "33_000")},
        )
        assert saved.status == 200 and "Saved to the draft" in saved.text
        page = await client.get("/config/history/0")
        assert page.status == 200, page.text
        assert (await client.get("/config/history/0/file")).text == bench.config.read_text()
        restored = await client.post("/config/history/0/restore", {"version": version_on(page.text)})
        assert restored.headers["Location"] == "/config/difference"
        told = await bench.buses["admin"].call("hub", ReadConfiguration(by="admin"))
        assert told.draft == told.file
        bench.config.write_text(bench.config.read_text() + "# by hand\n")
        await bench.buses["admin"].call("hub", WriteDraft(by="admin", changes={"station.power_limit_w": "9000"}))
        page = await client.get("/config")
        assert "The file was changed since this draft was begun" in page.text
        assert (await client.post("/config/rebase")).status == 200
        told = await bench.buses["admin"].call("hub", ReadConfiguration(by="admin"))
        assert "# by hand" in told.draft and "9000" in told.draft and told.draft_base == told.version


@pytest.mark.parametrize("text", [None, "[station\nname = 1\n"])
async def test_safe_mode_mends_a_missing_or_broken_file(tmp_path: Path, text: str | None) -> None:
    config = tmp_path / "station.toml"
    if text is not None:
        config.write_text(text)
    async with Bench(tmp_path, config=config, safe_mode=("station.toml cannot be read",)) as bench:
        client = await bench.log_in("admin")
        page = await client.get("/config")
        assert page.status == 200 and "cannot be used" in page.text
        page = await client.get("/config/raw")
        assert ("line 1" in page.text) is (text is not None)
        good = ONE_AC.replace("set-by-the-rig", "127.0.0.1")
        saved = await client.post("/config/raw", {"version": version_on(page.text), "do": "save", "text": good})
        assert "Saved to the draft" in saved.text, saved.text
        page = await client.get("/config/difference")
        base = page.text.split('name="base" value="')[1].split('"')[0]
        assert (await client.post("/config/apply", {"base": base, "password": "no"})).status == 403
        await applied_by(client, base)
        assert config.read_text() == good


async def applied_by(client: Client, base: str) -> None:
    answer = await client.post("/config/apply", {"base": base, "password": PASSWORD, "comment": "mended"})
    assert answer.status == 303, answer.text
