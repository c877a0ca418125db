"""Security profiles and the AuthorizationKey: raised only with what they need, back to what worked, never lowered."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chargepoint.config import Secrets
from chargepoint.messages import SecurityNoted
from ocpp_client.authorization_key import key_of_file, read_key
from ocpp_client.kept import Kept
from ocpp_client.simulated import CentralSystem
from ocpp_client.standing import first_profile, of_scheme
from ocpp_client.transport import CannotConnect, Stage, Way, open_link
from tests.listening import heard
from tests.ocpp_client.pki import pki, server_context
from tests.ocpp_client.rig import NAME, bench, station_settings

KEY, NEW_KEY, NEWER_KEY = "00112233445566778899aabbccddeeff", "ff" * 20, "ee" * 20


def ca_file(folder: Path) -> str:
    path = folder / "roots.pem"
    path.write_text(pki().root.pem)
    return str(path)


def secret(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal)


@asynccontextmanager
async def two_doors(tmp_path: Path, *, has_root: bool = True, key: str = KEY, **ocpp: Any) -> AsyncIterator[Any]:
    """A rig whose server has no TLS, and another door of it with TLS behind `backup_url`; both want the password."""
    context = server_context(tmp_path, pki().server)
    async with CentralSystem(tls=context) as secure:
        if has_root:
            ocpp["ca_file"] = ca_file(tmp_path)
        async with bench(tmp_path, backup_url=secure.url, **ocpp) as rig:
            rig.secrets = Secrets(ocpp_authorization_key=key)
            rig.system.passwords = secure.passwords = {NAME: secret(key)} if key else None
            yield rig, secure


async def change(system: CentralSystem, key: str, value: str) -> str:
    answer = await system.call(NAME, "ChangeConfiguration", {"key": key, "value": value})
    return str(answer["status"])


async def profile(system: CentralSystem) -> str:
    answer = await system.call(NAME, "GetConfiguration", {"key": ["SecurityProfile"]})
    return str(answer["configurationKey"][0]["value"])


async def events_of(subscription: Any) -> list[str]:
    return [f"{event.type}: {event.extra}" for event in await heard(subscription)]


def good(system: CentralSystem) -> int:
    """Links that came to be."""
    return sum(one.status == 101 for one in system.connects)


# ------------------------------------------------------------------------------------------------------------ the rules


@pytest.mark.parametrize(
    ("value", "takes_text", "key"),
    [
        ("00" * 16, False, bytes(16)),
        ("Ff" * 20, False, b"\xff" * 20),
        ("00" * 18, False, bytes(18)),
        ("0" * 33, False, None),
        ("00" * 15, False, None),
        ("00" * 21, False, None),
        ("zz" * 16, False, None),
        ("", False, None),
        (" " + "00" * 16, False, None),
        ("correct horse battery", False, None),
        ("correct horse battery", True, b"correct horse battery"),
        ("00" * 16, True, bytes(16)),
        ("short", True, None),
        ("x" * 41, True, None),
        ("line\nbreak and more", True, None),
        (" begins with a blank", True, None),
    ],
)
def test_what_can_be_an_authorization_key(value: str, takes_text: bool, key: bytes | None) -> None:
    assert read_key(value, takes_text) == key


def test_the_key_of_the_file_is_decoded_when_it_is_hexadecimal() -> None:
    assert key_of_file(NEW_KEY) == b"\xff" * 20
    assert key_of_file("a password") == b"a password"


@pytest.mark.parametrize(
    ("url", "written", "has_key", "expected"),
    [
        ("ws://host", None, False, 0),
        ("ws://host", None, True, 1),
        ("wss://host", None, True, 2),
        ("wss://host", None, False, 0),
        ("ws://host", 2, True, 2),
        ("wss://host", 3, False, 3),
        ("ws://host", 0, True, 0),
    ],
)
def test_the_first_profile(url: str, written: int | None, has_key: bool, expected: int) -> None:
    settings = station_settings(url, security_profile=written).ocpp
    assert first_profile(settings, has_key) == expected


def test_addresses_of_the_wanted_scheme_go_as_they_stand_else_the_scheme_is_replaced() -> None:
    both = ("ws://a:8080/ocpp", "wss://b:8443/ocpp")
    assert of_scheme(both, True) == ("wss://b:8443/ocpp",)
    assert of_scheme(both, False) == ("ws://a:8080/ocpp",)
    assert of_scheme(both[:1], True) == ("wss://a:8080/ocpp",)


# --------------------------------------------------------------------------------------------------------- the profiles


@pytest.mark.ocpp("A00-profile1", "J6.2-basic", "A00-basic-once")
async def test_profile_1_sends_the_password_as_bytes(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        rig.secrets = Secrets(ocpp_authorization_key=NEW_KEY)
        await rig.registered()
        wanted = base64.b64encode(NAME.encode() + b":" + secret(NEW_KEY)).decode()
        assert rig.system.connects[0].authorization == f"Basic {wanted}"
        assert await profile(rig.system) == "1"


async def test_profile_0_sends_no_password_although_there_is_one(tmp_path: Path) -> None:
    async with bench(tmp_path, security_profile=0) as rig:
        rig.secrets = Secrets(ocpp_authorization_key=NEW_KEY)
        await rig.registered()
        assert rig.system.connects[0].authorization == ""


@pytest.mark.ocpp("A00-profile2")
async def test_profile_2_is_tls_and_password(tmp_path: Path) -> None:
    async with bench(tmp_path, tls=server_context(tmp_path, pki().server), ca_file=ca_file(tmp_path)) as rig:
        rig.secrets = Secrets(ocpp_authorization_key=NEW_KEY)
        rig.system.passwords = {NAME: secret(NEW_KEY)}
        await rig.registered()
        assert rig.system.connects[0].tls.startswith("TLSv1.") and await profile(rig.system) == "2"


@pytest.mark.ocpp("A05-upgrade", "A05-kept", "A00-one-profile", "A00-other-profile", "WP-key-SecurityProfile")
async def test_a_higher_profile_is_used_at_once_and_kept(tmp_path: Path) -> None:
    async with two_doors(tmp_path) as (rig, secure):
        await rig.registered()
        assert await profile(rig.system) == "1"
        assert await change(rig.system, "SecurityProfile", "2") == "Accepted"
        begun_s = asyncio.get_running_loop().time()
        await secure.until_connected(NAME)
        assert asyncio.get_running_loop().time() - begun_s < 2
        assert await profile(secure) == "2"
        await rig.stop()
        before = len(rig.system.connects)
        await rig.boot()
        await secure.until_connected(NAME)
        assert await profile(secure) == "2" and len(rig.system.connects) == before


@pytest.mark.ocpp("A05-missing")
@pytest.mark.parametrize(
    ("wanted", "has_root", "key"),
    [("1", True, ""), ("2", False, KEY), ("2", True, ""), ("3", True, KEY), ("3", False, KEY)],
)
async def test_a_profile_without_what_it_needs_is_rejected(
    tmp_path: Path, wanted: str, has_root: bool, key: str
) -> None:
    async with two_doors(tmp_path, has_root=has_root, key=key) as (rig, secure):
        await rig.registered()
        assert await change(rig.system, "SecurityProfile", wanted) == "Rejected"
        await asyncio.sleep(60)
        assert not secure.connects and good(rig.system) == 1


@pytest.mark.ocpp("A05-fallback")
async def test_a_profile_that_does_not_connect_is_given_up_for_the_one_that_works(tmp_path: Path) -> None:
    async with two_doors(tmp_path) as (rig, secure):
        events = rig.buses["admin"].subscribe(SecurityNoted)
        await rig.registered()
        await secure.go_away()
        assert await change(rig.system, "SecurityProfile", "2") == "Accepted"
        await rig.system.until(lambda: good(rig.system) == 2, 120)
        assert await profile(rig.system) == "1"
        told = await events_of(events)
        assert any("security profile 2 does not connect" in text for text in told)


class Firewall:
    """Some profiles find no route."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *stops: int) -> None:
        self.stops = stops
        self.stopped: list[int] = []
        monkeypatch.setattr("ocpp_client.link.open_link", self._open)

    async def _open(self, way: Way, *rest: Any, **named: Any) -> Any:
        if way.profile in self.stops:
            self.stopped.append(way.profile)
            raise CannotConnect("no route", stage=Stage.NETWORK)
        return await open_link(way, *rest, **named)


@pytest.mark.ocpp("A05-fallback")
async def test_a_profile_that_only_the_network_refuses_is_given_up_where_the_old_one_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two_doors(tmp_path) as (rig, _):
        await rig.registered()
        wall = Firewall(monkeypatch, 2)
        assert await change(rig.system, "SecurityProfile", "2") == "Accepted"
        await rig.system.until(lambda: good(rig.system) == 2, 120)
        await asyncio.sleep(1)
        assert await profile(rig.system) == "1" and set(wall.stopped) == {2}


async def test_an_outage_ends_no_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with two_doors(tmp_path) as (rig, secure):
        await rig.registered()
        wall = Firewall(monkeypatch, 1, 2)
        assert await change(rig.system, "SecurityProfile", "2") == "Accepted"
        await asyncio.sleep(1200)
        assert set(wall.stopped) == {1, 2}
        wall.stops = (1,)
        await secure.until(lambda: good(secure) == 1, 2000)
        assert await profile(secure) == "2"


@pytest.mark.ocpp("A05-fallback", "A00-wrong-server", "A04-CentralSystemFailedToAuthenticate")
async def test_a_new_profile_whose_server_proves_nothing_is_given_up_and_told(tmp_path: Path) -> None:
    async with two_doors(tmp_path) as (rig, secure):
        events = rig.buses["admin"].subscribe(SecurityNoted)
        await rig.registered()
        await secure.go_away()
        secure.tls = server_context(tmp_path, pki().other_server)
        await secure.come_back()
        assert await change(rig.system, "SecurityProfile", "2") == "Accepted"
        await rig.system.until(lambda: good(rig.system) == 2, 120)
        assert not secure.connects
        told = await events_of(events)
        assert sum(text.startswith("InvalidCentralSystemCertificate") for text in told) == 1
        assert sum(text.startswith("CentralSystemFailedToAuthenticate") for text in told) == 1


@pytest.mark.ocpp("A05-downgrade")
@pytest.mark.parametrize("lower", ["0", "1"])
async def test_a_lower_profile_is_rejected_and_noted(tmp_path: Path, lower: str) -> None:
    async with bench(tmp_path, tls=server_context(tmp_path, pki().server), ca_file=ca_file(tmp_path)) as rig:
        events = rig.buses["admin"].subscribe(SecurityNoted)
        rig.secrets = Secrets(ocpp_authorization_key=KEY)
        await rig.registered()
        assert await change(rig.system, "SecurityProfile", lower) == "Rejected"
        assert await profile(rig.system) == "2"
        assert any("refused: SecurityProfile 2 to" in text for text in await events_of(events))


async def test_an_edit_of_the_file_to_a_lower_profile_is_not_followed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench(tmp_path, tls=server_context(tmp_path, pki().server), ca_file=ca_file(tmp_path)) as rig:
        rig.secrets = Secrets(ocpp_authorization_key=KEY)
        await rig.registered()
        await rig.stop()
        plain = rig.system.url.replace("wss://", "ws://")
        rig.settings = msgspec.structs.replace(rig.settings, ocpp=msgspec.structs.replace(rig.settings.ocpp, url=plain))
        for _ in range(2):
            caplog.clear()
            await rig.boot()
            await rig.system.until_connected(NAME)
            assert await profile(rig.system) == "2"
            assert "a lower one is never used again" in caplog.text
            await rig.stop()


async def test_tls_without_password_is_not_left_either(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with bench(tmp_path, tls=server_context(tmp_path, pki().server), ca_file=ca_file(tmp_path)) as rig:
        await rig.registered()
        await rig.stop()
        plain = rig.system.url.replace("wss://", "ws://")
        rig.settings = msgspec.structs.replace(rig.settings, ocpp=msgspec.structs.replace(rig.settings.ocpp, url=plain))
        await rig.boot()
        await rig.system.until_connected(NAME)
        assert all(one.tls for one in rig.system.connects)
        assert "TLS has worked and is never left again" in caplog.text


async def test_a_higher_profile_of_the_file_is_followed_without_a_way_back(tmp_path: Path) -> None:
    async with two_doors(tmp_path) as (rig, secure):
        await rig.registered()
        await rig.stop()
        await secure.go_away()
        ocpp = msgspec.structs.replace(rig.settings.ocpp, security_profile=2)
        rig.settings = msgspec.structs.replace(rig.settings, ocpp=ocpp)
        before = len(rig.system.connects)
        await rig.boot()
        await asyncio.sleep(300)
        assert len(rig.system.connects) == before
        await secure.come_back()
        await secure.until_connected(NAME)


@pytest.mark.ocpp("A05-upgrade", "A01-new-key")
async def test_from_nothing_to_tls_by_the_central_system_alone(tmp_path: Path) -> None:
    """0 with a new key to 1, then to 2 at the same host and port: the scheme is replaced."""
    async with bench(tmp_path, ca_file=ca_file(tmp_path)) as rig:
        await rig.registered()
        assert await change(rig.system, "SecurityProfile", "1") == "Rejected"
        assert await change(rig.system, "AuthorizationKey", NEW_KEY) == "Accepted"
        await rig.system.until(lambda: good(rig.system) == 2, 10)
        assert rig.system.connects[1].authorization == "" and await profile(rig.system) == "0"
        rig.system.passwords = {NAME: secret(NEW_KEY)}
        assert await change(rig.system, "SecurityProfile", "1") == "Accepted"
        await rig.system.until(lambda: good(rig.system) == 3, 10)
        assert await profile(rig.system) == "1"
        rig.system.tls = server_context(tmp_path, pki().server)
        assert await change(rig.system, "SecurityProfile", "2") == "Accepted"
        await rig.system.go_away()
        await rig.system.come_back()
        await rig.system.until(lambda: good(rig.system) == 4, 60)
        assert rig.system.connects[-1].tls and await profile(rig.system) == "2"


async def test_a_half_open_link_with_tls_is_found_within_a_minute(tmp_path: Path) -> None:
    async with bench(tmp_path, tls=server_context(tmp_path, pki().server), ca_file=ca_file(tmp_path)) as rig:
        await rig.registered()
        await asyncio.sleep(100)
        rig.system.deafen(NAME)
        await rig.system.until(lambda: good(rig.system) == 2, 60)


async def test_what_is_kept_and_cannot_be_read_leaves_the_station_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench(tmp_path) as rig:
        kept = await Kept.open(tmp_path, rig.clock)
        await kept.facts.keep("credentials", b"nonsense")
        await kept.close()
        rig.secrets = Secrets(ocpp_authorization_key=KEY)
        await rig.registered()
        assert await profile(rig.system) == "1" and "cannot be read" in caplog.text
