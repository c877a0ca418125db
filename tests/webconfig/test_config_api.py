"""The station file over the API, and copies that leave the station."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chargepoint.messages import ChangeSettings, ReadUsers, RemoveUser
from tests.webconfig.bench import PASSWORD, Bench
from tests.webconfig.test_config import a_file, version_on

pytestmark = pytest.mark.realtime


async def test_a_draft_goes_from_put_to_trial_with_versions_checked(tmp_path: Path) -> None:
    async with Bench(tmp_path, config=a_file(tmp_path)) as bench:
        client = await bench.log_in("tim")
        csrf = {"X-CSRF-Token": client.csrf}
        assert bench.config is not None

        async def call(method: str, path: str, body: object = None, match: str = "") -> tuple[int, dict[str, object]]:
            headers = {**csrf, **({"If-Match": f'"{match}"'} if match else {})}
            answer = await client.ask(method, f"/api/v1/config{path}", json=body, headers=headers)
            return answer.status, answer.json()

        status, now = await call("GET", "")
        assert status == 200 and now["faults"] == []
        assert (await call("PUT", "/draft", {"changes": {"station.power_limit_w": "11000"}}))[0] == 428
        change = {"changes": {"station.power_limit_w": "11000"}}
        status, draft = await call("PUT", "/draft", change, "none")
        assert status == 200 and draft["deed"] == "apply_values", draft
        assert (await call("PUT", "/draft", change, "none"))[0] == 412
        status, found = await call("POST", "/check", {"text": "[station]\nname = 1\n"})
        assert status == 200 and found["ok"] is False
        status, tried = await call("POST", "/dry-run", {})
        assert status == 200 and (tried["code"], tried["power_limit_w"]) == ("ok", 11000), tried
        assert (await call("POST", "/apply", {}, str(now["version"])))[0] == 422
        assert (await call("POST", "/apply", {"confirm": True}, "older"))[0] == 412
        assert (await call("POST", "/confirm"))[0] == 409
        assert (await call("POST", "/rollback"))[0] == 409
        status, versions = await call("GET", "/versions")
        assert status == 200 and versions["versions"][0]["what"] == "found"  # type: ignore[index]
        assert (await call("GET", "/versions/77"))[0] == 404
        status, grave = await call("PUT", "/draft", {"changes": {"station.name": "z"}}, str(draft["version"]))
        assert (status, grave["deed"]) == (200, "apply_configuration")
        body = {"confirm": True, "wait": True, "password": "wrong"}
        assert (await call("POST", "/apply", body, str(now["version"])))[0] == 403
        status, done = await call("POST", "/apply", {**body, "password": PASSWORD}, str(now["version"]))
        assert (status, done.get("code")) == (202, "ok"), done
        assert 'name = "z"' in bench.config.read_text()


async def test_a_backup_brings_file_settings_and_users_back(tmp_path: Path) -> None:
    async with Bench(tmp_path, config=a_file(tmp_path)) as bench:
        admin = bench.buses["admin"]
        await admin.call("hub", ChangeSettings(values={"access.white": "04AA", "free_mode": "true"}, by="admin"))
        client = await bench.log_in("admin")
        assert (await client.get("/backup")).status == 200
        plain = await client.post("/backup/plain")
        assert plain.status == 200 and plain.headers["Content-Disposition"].startswith("attachment")
        inner = json.loads(plain.json()["content"])
        assert "hash" not in plain.text and "access.white" not in inner["settings"]
        locked = await client.post("/backup/locked", {"password": "long enough 1"})
        assert locked.status == 200 and "free_mode" not in locked.text
        assert (await client.post("/backup/locked", {"password": "short"})).status == 422
        await admin.call("hub", RemoveUser(login="vera", by="admin"))
        await admin.call("hub", ChangeSettings(values={"free_mode": "false", "access.white": None}, by="admin"))
        wrong = await client.post("/backup/look", {"text": locked.text, "unlock": "not this one"})
        assert wrong.status == 422
        assert (await client.post("/backup/look", {"text": locked.text, "unlock": "long enough 1"})).status == 303
        page = await client.get("/backup/preview")
        assert page.status == 200 and "vera" in page.text and "04AA" in page.text, page.text
        assert (await client.post("/backup/take-settings")).status == 200
        assert (await client.post("/backup/take-users")).status == 200
        users = (await admin.call("hub", ReadUsers())).users
        assert any(row.user.login == "vera" and not row.has_password for row in users)
        taken = await client.post("/backup/take-file", {"version": version_on(page.text)})
        assert taken.headers["Location"] == "/config/difference"
        for text, word in (("{}", "no backup"), ('{"format": "chargepoint-backup", "v": 9}', "of version 9")):
            refused = await client.post("/backup/look", {"text": text})
            assert refused.status == 422 and word in refused.text
        damaged = plain.text.replace("power_limit_w", "power_limit_x")
        assert "checksum" in (await client.post("/backup/look", {"text": damaged})).text


async def test_a_file_leaves_without_secrets_and_comes_back_as_a_draft(tmp_path: Path) -> None:
    config = a_file(tmp_path)
    config.write_text(config.read_text() + 'AuthorizationKey = "hidden-one"\n')
    async with Bench(tmp_path, config=config) as bench:
        client = await bench.log_in("tim")
        page = await client.get("/config/export")
        out = await client.get("/config/export/file")
        assert out.status == 200 and "hidden-one" not in out.text and "22_000" in out.text
        body = (
            b'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n' + client.csrf.encode() + b"\r\n"
            b'--x\r\nContent-Disposition: form-data; name="version"\r\n\r\n' + version_on(page.text).encode() + b"\r\n"
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.toml"\r\nContent-Type: text/plain\r\n\r\n'
            + out.body + b"\r\n--x--\r\n"
        )  # fmt: skip
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        sent = await client.ask("POST", "/config/import", data=body, headers=headers)
        assert sent.status == 303, sent.text
        assert "AuthorizationKey" in (await client.get("/config/difference")).text
        assert "hidden-one" not in (await client.get("/config/difference")).text.partition("line by line")[0]
        torn = await client.ask("POST", "/config/import", data=body[:-20], headers=headers)
        assert torn.status in (400, 403)
