"""Security profile 3: the station's own certificate, a new one on trial, a server's certificate whose time ends."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from chargepoint.config import Secrets
from chargepoint.messages import LinkStatus, SecurityNoted
from ocpp_client import x509
from ocpp_client.kept import Kept
from ocpp_client.key_store import CENTRAL, Root
from ocpp_client.simulated import CentralSystem, HttpAnswer
from tests.ocpp_client.pki import pki, server_context
from tests.ocpp_client.rig import NAME, NOW, Rig, bench
from tests.ocpp_client.test_security_profiles import KEY, ca_file, change, events_of, good, profile, secret


async def give_certificate(rig: Rig, authority: str = "intermediate") -> None:
    """What CertificateSigned does, without the service."""
    kept = await Kept.open(rig.folder, rig.clock)
    key = await kept.key_store.begin()
    issued = getattr(pki(), authority).sign(x509.request_for(key, NAME, "Test operator"))
    await kept.key_store.take(issued.chain_pem, key)
    await kept.close()


@pytest.mark.ocpp("A00-profile3", "A05-upgrade")
async def test_profile_3_shows_the_certificate_and_sends_no_password(tmp_path: Path) -> None:
    context = server_context(tmp_path, pki().server)
    strict = server_context(tmp_path, pki().server, client_root=pki().root)
    async with CentralSystem(tls=strict) as other, bench(tmp_path, tls=context, ca_file=ca_file(tmp_path)) as rig:
        rig.secrets = Secrets(ocpp_authorization_key=KEY)
        await give_certificate(rig)
        await rig.registered()
        assert await change(rig.system, "SecurityProfile", "3") == "Accepted"
        await rig.system.until(lambda: good(rig.system) == 2, 30)
        assert rig.system.connects[1].authorization == ""
        assert await profile(rig.system) == "3"
        await rig.stop()
        rig.settings = msgspec.structs.replace(
            rig.settings, ocpp=msgspec.structs.replace(rig.settings.ocpp, url=other.url)
        )
        await rig.boot()
        await other.until_connected(NAME)
        assert other.connects[0].certificate == {"commonName": NAME, "organizationName": "Test operator"}
        assert other.connects[0].authorization == ""


async def test_the_end_of_the_stations_certificate_is_told(tmp_path: Path) -> None:
    strict = server_context(tmp_path, pki().server, client_root=pki().root)
    async with bench(tmp_path, tls=strict, ca_file=ca_file(tmp_path), security_profile=3) as rig:
        rig.secrets = Secrets(ocpp_authorization_key=KEY)
        await give_certificate(rig)
        await rig.registered()
        await asyncio.sleep(2)
        told = await rig.buses["admin"].watch("link").first("link")
        await rig.stop()
        kept = await Kept.open(rig.folder, rig.clock)
        leaf = kept.key_store.own_leaf()
        await kept.close()
        assert leaf is not None and isinstance(told, LinkStatus)
        assert told.certificate_ends_at == leaf.not_valid_after_utc


@pytest.mark.ocpp("A05-downgrade")
@pytest.mark.parametrize("is_allowed", [False, True])
async def test_3_to_2_only_when_the_station_file_allows_it(tmp_path: Path, is_allowed: bool) -> None:
    configuration = {"AllowSecurityProfileDowngrade": is_allowed}
    strict = server_context(tmp_path, pki().server, client_root=pki().root)
    async with bench(
        tmp_path, tls=strict, ca_file=ca_file(tmp_path), security_profile=3, configuration=configuration
    ) as rig:
        rig.secrets = Secrets(ocpp_authorization_key=KEY)
        await give_certificate(rig)
        await rig.registered()
        assert await change(rig.system, "SecurityProfile", "1") == "Rejected"
        status = await change(rig.system, "SecurityProfile", "2")
        assert status == ("Accepted" if is_allowed else "Rejected")
        if not is_allowed:
            return
        await rig.system.go_away()
        rig.system.tls, rig.system.passwords = server_context(tmp_path, pki().server), {NAME: secret(KEY)}
        await rig.system.come_back()
        await rig.system.until_connected(NAME)
        assert await profile(rig.system) == "2"
        await rig.stop()
        await rig.boot()
        await rig.system.until_connected(NAME)
        assert await profile(rig.system) == "2"  # the file still says 3


@pytest.mark.ocpp("A02-switch")
async def test_a_new_certificate_that_does_not_work_gives_way_to_the_old_one(tmp_path: Path) -> None:
    strict = server_context(tmp_path, pki().server, client_root=pki().root)
    async with bench(tmp_path, tls=strict, ca_file=ca_file(tmp_path), security_profile=3) as rig:
        await give_certificate(rig)
        await rig.registered()
        assert rig.client is not None
        store = rig.client._kept.key_store
        worked = store.own()
        key = await store.begin()
        await store.take(pki().other.sign(x509.request_for(key, NAME, "Test operator")).chain_pem, key)
        assert store.own() != worked
        store.on_change()
        await rig.system.until(lambda: good(rig.system) == 2, 120)
        assert store.own() == worked and len(store.pairs()) == 1


@pytest.mark.parametrize("status", [400, 403])
async def test_a_new_certificate_that_is_refused_behind_the_handshake_gives_way_too(
    tmp_path: Path, status: int
) -> None:
    strict = server_context(tmp_path, pki().server, client_root=pki().root)
    async with bench(tmp_path, tls=strict, ca_file=ca_file(tmp_path), security_profile=3) as rig:
        await give_certificate(rig)
        await rig.registered()
        assert rig.client is not None
        store = rig.client._kept.key_store
        worked, key = store.own(), await store.begin()
        await store.take(pki().root.sign(x509.request_for(key, NAME, "Test operator")).chain_pem, key)
        rig.system.http_answer = HttpAnswer(status=status)
        store.on_change()
        await rig.system.until(lambda: store.own() == worked, 120)
        rig.system.http_answer = None
        await rig.system.until(lambda: good(rig.system) == 2, 120)


@pytest.mark.ocpp("A02-switch")
async def test_a_new_certificate_is_used_at_once_and_the_old_one_forgotten(tmp_path: Path) -> None:
    strict = server_context(tmp_path, pki().server, client_root=pki().root)
    async with bench(tmp_path, tls=strict, ca_file=ca_file(tmp_path), security_profile=3) as rig:
        await give_certificate(rig)
        await rig.registered()
        assert rig.client is not None
        store = rig.client._kept.key_store
        key = await store.begin()
        await store.take(pki().root.sign(x509.request_for(key, NAME, "Test operator")).chain_pem, key)
        store.on_change()
        await rig.system.until(lambda: good(rig.system) == 2, 10)
        await asyncio.sleep(1)
        assert len(store.pairs()) == 1 and not store.is_on_trial


async def test_an_installed_root_is_believed_beside_those_of_the_file(tmp_path: Path) -> None:
    async with bench(tmp_path, tls=server_context(tmp_path, pki().other_server), ca_file=ca_file(tmp_path)) as rig:
        await rig.boot()
        await asyncio.sleep(60)
        assert not rig.system.connects and rig.client is not None
        certificate = x509.read_one(pki().other.pem)
        await rig.client._kept.key_store.install(CENTRAL, Root(CENTRAL, certificate, certificate))
        rig.client._kept.key_store.on_change()
        await rig.system.until_received("BootNotification", 1, 30)
        assert rig.client._kept.key_store.link_chain[-1] == certificate
        rig.system.disconnect(NAME)
        await asyncio.sleep(0.1)
        assert rig.client._kept.key_store.link_chain == ()


async def test_a_certificate_that_runs_out_ends_the_link(tmp_path: Path) -> None:
    server = pki().root.server(valid_to=NOW + timedelta(hours=1))
    async with bench(tmp_path, tls=server_context(tmp_path, server), ca_file=ca_file(tmp_path)) as rig:
        events = rig.buses["admin"].subscribe(SecurityNoted)
        await rig.registered()
        await asyncio.sleep(3500)
        assert len(rig.system.connects) == 1
        await asyncio.sleep(130)
        assert not rig.system.links and len(rig.system.connects) == 1
        assert any(text.startswith("InvalidCentralSystemCertificate") for text in await events_of(events))


async def test_lifetimes_are_looked_at_again_when_the_time_becomes_known(tmp_path: Path) -> None:
    """S4: the floor is before the end of the certificate, the time is not."""
    async with bench(tmp_path, tls=server_context(tmp_path, pki().expired_server), ca_file=ca_file(tmp_path)) as rig:
        offset_s, rig.clock.offset_s, rig.clock.source = rig.clock.offset_s, 0.0, "unset"
        await rig.boot()
        await rig.system.until_connected(NAME)
        await asyncio.sleep(60)
        assert rig.system.links
        rig.clock.set_offset(offset_s, "server")
        await asyncio.sleep(15)
        assert not rig.system.links
        await asyncio.sleep(60)
        assert len(rig.system.connects) == 1


async def test_roots_that_cannot_be_read_are_said_and_nothing_is_tried(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    missing = str(tmp_path / "nowhere.pem")
    async with bench(tmp_path, tls=server_context(tmp_path, pki().server), ca_file=missing) as rig:
        await rig.boot()
        await asyncio.sleep(60)
        assert not rig.system.connects
        assert "nowhere.pem" in caplog.text
