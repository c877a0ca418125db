"""What people ask of the service by hand: keys, password, local list, certificates, the connection test."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chargepoint.config import Secrets
from chargepoint.messages import (
    ChangeKey,
    ForgetServer,
    InstallRoot,
    LinkTestState,
    MakeCertificateRequest,
    ReadCertificates,
    ReadKeys,
    ReadLocalList,
    RemoveRoot,
    SetPassword,
    TakeCertificate,
    TestLink,
)
from ocpp_client.authorization_key import key_of_file
from tests.ocpp_client.pki import pki
from tests.ocpp_client.rig import bench, station_settings


async def test_keys_are_read_and_changed_as_by_the_central_system(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        ask = rig.buses["admin"].call
        rows = {row.name: row for row in (await ask("ocpp", ReadKeys())).keys}
        assert rows["AuthorizationKey"].value is None and rows["AuthorizationKey"].is_writeonly
        before = rows["HeartbeatInterval"].value
        assert before is not None and rows["HeartbeatInterval"].kind == "integer"
        done = await ask("ocpp", ChangeKey(name="HeartbeatInterval", value="600", before=before, by="anna"))
        assert done.ok and done.code == "ok" and rig.hub.values["ocpp.HeartbeatInterval"] == "600"
        late = await ask("ocpp", ChangeKey(name="HeartbeatInterval", value="700", before=before, by="boris"))
        assert late.code == "changed" and late.values["value"] == "600"
        wrong = await ask("ocpp", ChangeKey(name="HeartbeatInterval", value="soon", by="boris"))
        assert wrong.code == "rejected" and rig.hub.values["ocpp.HeartbeatInterval"] == "600"
        assert (await ask("ocpp", ChangeKey(name="NoSuch", value="1", by="boris"))).code == "not_supported"


async def test_a_password_is_kept_used_and_never_shown(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        ask = rig.buses["admin"].call
        assert (await ask("ocpp", SetPassword(password="short", by="anna"))).code == "bad_password"
        assert (await ask("ocpp", SetPassword(password="correct-horse-9", by="anna"))).ok
        assert rig.client is not None
        standing = rig.client._credentials._standing
        assert standing.keys[0] == key_of_file("correct-horse-9") and "horse" not in repr(standing)
        way = rig.client._credentials.next_way()
        assert way.profile == 1 and "Authorization" in way.headers  # ws://, so the profile with a password alone
        database = next(tmp_path.rglob("ocpp.db"))
        assert database.stat().st_mode & 0o077 == 0
        assert (await ask("ocpp", ForgetServer(by="anna"))).ok
        assert rig.client._credentials._standing.keys == ()


async def test_certificates_are_asked_for_taken_installed_and_removed(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        ask = rig.buses["admin"].call
        assert (await ask("ocpp", ReadCertificates())).rows == ()
        assert (await ask("ocpp", InstallRoot(pem=pki().server.pem, by="anna"))).code == "unfit"
        assert (await ask("ocpp", InstallRoot(pem=pki().root.pem, by="anna"))).ok
        wish = await ask("ocpp", MakeCertificateRequest(by="anna"))
        assert wish.ok and "BEGIN CERTIFICATE REQUEST" in wish.pem
        page = await ask("ocpp", ReadCertificates())
        assert page.is_asked and [row.use for row in page.rows] == ["root"] and page.common_name == "CP1"
        assert (await ask("ocpp", TakeCertificate(pem=pki().station.chain_pem, by="anna"))).code == "unfit"
        chain = pki().intermediate.sign(wish.pem).chain_pem
        taken = await ask("ocpp", TakeCertificate(pem=chain, by="anna"))
        assert taken.ok, taken
        page = await ask("ocpp", ReadCertificates())
        assert not page.is_asked and [row.use for row in page.rows] == ["own", "chain", "root"]
        root = page.rows[-1]
        assert (await ask("ocpp", RemoveRoot(fingerprint="00", by="anna"))).code == "unknown"
        assert (await ask("ocpp", RemoveRoot(fingerprint=root.fingerprint, by="anna"))).ok


async def test_the_local_list_is_searched(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        await rig.system.call(
            "CP1",
            "SendLocalList",
            {
                "listVersion": 7,
                "updateType": "Full",
                "localAuthorizationList": [
                    {"idTag": tag, "idTagInfo": {"status": "Accepted"}} for tag in ("AA11", "AA22", "BB33")
                ],
            },
        )
        page = await rig.buses["admin"].call("ocpp", ReadLocalList(search="aa", limit=1))
        assert (page.version, page.total, page.found) == (7, 3, 2) and [row.id_tag for row in page.rows] == ["aa11"]


@pytest.mark.realtime
async def test_the_connection_test_is_told_as_a_state_and_runs_once_at_a_time(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        ask, view = rig.buses["admin"].call, rig.buses["admin"].watch("link/test")
        one, other = await asyncio.gather(ask("ocpp", TestLink(by="anna")), ask("ocpp", TestLink(by="boris")))
        assert one.ok and other.code == "busy"
        state = await _ended(view)
        assert state.by == "anna" and state.verdict == "warning"  # ws:// is readable for everybody
        assert [step.status for step in state.steps][4:] == ["skipped"] * 3


async def _ended(view: object) -> LinkTestState:
    async with asyncio.timeout(10):
        while True:
            state = view.get("link/test")  # type: ignore[attr-defined]
            if isinstance(state, LinkTestState) and not state.is_running:
                return state
            await asyncio.sleep(0.02)


@pytest.mark.realtime
async def test_a_station_without_a_server_tries_an_address_and_shows_it_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocpp_client.connection_test.HOLDS_S", 0.2)
    async with bench(tmp_path) as rig:
        there = rig.system.url
        rig.settings = station_settings("")
        rig.secrets = Secrets(ocpp_authorization_key="kept-secret-1")
        await rig.boot()
        ask, view = rig.buses["admin"].call, rig.buses["admin"].watch("link/test")
        assert (await ask("ocpp", TestLink(by="anna"))).code == "no_url"
        assert (await ask("ocpp", TestLink(url=there, sends_boot=True, by="anna"))).ok
        state = await _ended(view)
        found = {step.name: step.code for step in state.steps}
        assert found["authorisation"] == "auth_nothing" and found["boot"] == "boot_accepted", found
        assert (await ask("ocpp", TestLink(url=there, password="given-here-1", by="anna"))).ok
        state = await _ended(view)
        assert {step.name: step.code for step in state.steps}["authorisation"] == "auth_password"
