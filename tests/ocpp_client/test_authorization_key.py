"""The password of the link, changed by the central system: used at once, the old one kept until it worked."""

from __future__ import annotations

import asyncio
import base64
import logging
from pathlib import Path

import pytest

from chargepoint.config import Secrets
from chargepoint.messages import Noted, OcppFrame, ReadFrames, SecurityNoted
from ocpp_client.watching import masked_text
from tests.listening import heard
from tests.ocpp_client.rig import NAME, Rig, bench
from tests.ocpp_client.test_link import is_served, link_of
from tests.ocpp_client.test_security_profiles import KEY, NEW_KEY, NEWER_KEY, change, events_of, good, secret


def used(rig: Rig) -> list[bytes]:
    """The passwords of all attempts, in order."""
    found = []
    for one in rig.system.connects:
        user, _, password = base64.b64decode(one.authorization.removeprefix("Basic ")).partition(b":")
        assert user == NAME.encode()
        found.append(password)
    return found


def allow(rig: Rig, *keys: str) -> None:
    rig.system.passwords = {NAME: secret(keys[0])}


@pytest.mark.ocpp("A01-new-key", "A01-first", "J7-keys")
async def test_a_new_key_is_used_at_once_and_outlives_restarts(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        rig.secrets = Secrets(ocpp_authorization_key=KEY)
        allow(rig, KEY)
        await rig.registered()
        begun_s = asyncio.get_running_loop().time()
        assert await change(rig.system, "AuthorizationKey", NEW_KEY) == "Accepted"
        allow(rig, NEW_KEY)
        await rig.system.until(lambda: good(rig.system) == 2, 10)
        assert asyncio.get_running_loop().time() - begun_s < 2
        await is_served(rig)
        await rig.kill()
        await rig.boot()
        await rig.system.until(lambda: good(rig.system) == 3, 60)
        assert used(rig) == [secret(KEY), secret(NEW_KEY), secret(NEW_KEY)]


@pytest.mark.ocpp("A01-bad-key")
@pytest.mark.parametrize("value", ["", "00" * 15, "00" * 21, "0" * 33, "correct horse battery staple"])
async def test_a_key_that_is_none_is_rejected_and_changes_nothing(tmp_path: Path, value: str) -> None:
    async with bench(tmp_path) as rig:
        rig.secrets = Secrets(ocpp_authorization_key=KEY)
        await rig.registered()
        assert await change(rig.system, "AuthorizationKey", value) == "Rejected"
        rig.system.disconnect(NAME)
        await rig.system.until(lambda: good(rig.system) == 2, 60)
        assert set(used(rig)) == {secret(KEY)}


async def test_text_is_a_key_for_central_systems_that_send_text(tmp_path: Path) -> None:
    async with bench(tmp_path, compatibility={"text_authorization_key": True}) as rig:
        rig.secrets = Secrets(ocpp_authorization_key=KEY)
        await rig.registered()
        assert await change(rig.system, "AuthorizationKey", "correct horse battery") == "Accepted"
        await rig.system.until(lambda: good(rig.system) == 2, 10)
        assert used(rig)[1] == b"correct horse battery"


@pytest.mark.ocpp("A01-fallback")
async def test_a_new_key_that_is_refused_gives_way_to_the_old_one_and_is_not_forgotten(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        events = rig.buses["admin"].subscribe(SecurityNoted)
        rig.secrets = Secrets(ocpp_authorization_key=KEY)
        allow(rig, KEY)
        await rig.registered()
        assert await change(rig.system, "AuthorizationKey", NEW_KEY) == "Accepted"
        await rig.system.until(lambda: good(rig.system) == 2, 60)
        assert used(rig) == [secret(KEY), secret(NEW_KEY), secret(KEY)]
        await asyncio.sleep(1)
        await rig.kill()
        await rig.boot()
        await rig.system.until(lambda: good(rig.system) == 3, 60)
        assert used(rig)[3:] == [secret(KEY)]  # what worked last comes first
        allow(rig, NEW_KEY)  # the server has followed late
        rig.system.disconnect(NAME)
        await rig.system.until(lambda: good(rig.system) == 4, 60)
        assert used(rig)[4:] == [secret(KEY), secret(NEW_KEY)]
        assert any(text.startswith("FailedToAuthenticate") for text in await events_of(events))


async def test_a_crash_before_the_new_key_was_tried_loses_neither(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        rig.secrets = Secrets(ocpp_authorization_key=KEY)
        allow(rig, KEY)
        await rig.registered()
        assert await change(rig.system, "AuthorizationKey", NEW_KEY) == "Accepted"
        await rig.kill()
        await rig.boot()
        await rig.system.until(lambda: good(rig.system) == 2, 60)
        assert used(rig) == [secret(KEY), secret(NEW_KEY), secret(KEY)]


async def test_two_new_keys_in_a_row_leave_the_one_that_worked(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        rig.secrets = Secrets(ocpp_authorization_key=KEY)
        allow(rig, KEY)
        await rig.registered()
        assert rig.client is not None
        for key in (NEW_KEY, NEWER_KEY):
            assert await rig.client._credentials.change_key(key) == "Accepted"
        rig.system.disconnect(NAME)
        await rig.system.until(lambda: good(rig.system) == 2, 60)
        assert used(rig)[-2:] == [secret(NEWER_KEY), secret(KEY)]


async def test_a_key_changed_in_the_file_is_tried_first_and_the_known_one_kept(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        rig.secrets = Secrets(ocpp_authorization_key=KEY)
        allow(rig, KEY)
        await rig.registered()
        await rig.stop()
        rig.secrets = Secrets(ocpp_authorization_key=NEW_KEY)
        await rig.boot()
        await rig.system.until(lambda: good(rig.system) == 2, 60)
        assert used(rig) == [secret(KEY), secret(NEW_KEY), secret(KEY)]


async def test_a_key_that_cannot_be_recorded_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from chargepoint.storage.database import CannotRecord

    async with bench(tmp_path) as rig:
        rig.secrets = Secrets(ocpp_authorization_key=KEY)
        await rig.registered()
        assert rig.client is not None

        async def full(*_: object) -> None:
            raise CannotRecord("the disk is full")

        monkeypatch.setattr(rig.client._kept.facts, "keep", full)
        assert await change(rig.system, "AuthorizationKey", NEW_KEY) == "Rejected"
        await asyncio.sleep(30)
        assert good(rig.system) == 1


@pytest.mark.ocpp("WP-key-AuthorizationKey", "A00-basic-once")
async def test_no_key_can_be_read_anywhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    frames_seen: list[str] = []
    async with bench(tmp_path) as rig:
        frames = rig.buses["admin"].subscribe(OcppFrame)
        notes = rig.buses["admin"].subscribe(Noted)
        events = rig.buses["admin"].subscribe(SecurityNoted)
        rig.buses["admin"].watch("link")
        rig.secrets = Secrets(ocpp_authorization_key=KEY)
        await rig.registered()
        for order in ('{"key":"AuthorizationKey","value":"%s"}', '{"value":"%s","key":"authorizationkey"}'):
            await rig.system.send_raw(NAME, f'[2,"{order[2:5]}","ChangeConfiguration",{order % NEW_KEY}]')
        await rig.system.until(lambda: good(rig.system) == 2, 60)
        await change(rig.system, "AuthorizationKey", "not a key at all, but secret " + NEWER_KEY)
        answer = await rig.system.call(NAME, "GetConfiguration", {})
        rows = {row["key"]: row for row in answer["configurationKey"]}
        assert "value" not in rows["AuthorizationKey"]
        known = await rig.buses["admin"].call("ocpp", ReadFrames())
        assert rig.client is not None
        frames_seen += [repr(known), repr(link_of(rig)), repr(rig.client._credentials.next_way())]
        frames_seen += [repr(rig.client._credentials._standing)]
        frames_seen += [repr(await heard(frames)), repr(await heard(notes)), repr(await heard(events))]
        frames_seen.append(repr(answer))
    tokens = [base64.b64encode(f"{NAME}:".encode() + secret(key)).decode() for key in (KEY, NEW_KEY)]
    own_log = [one.getMessage() for one in caplog.records if not one.name.startswith(("websockets.server", "asyncio"))]
    for text in (*frames_seen, *own_log):
        for hidden in (KEY, NEW_KEY, NEWER_KEY, *tokens, repr(secret(NEW_KEY))):
            assert hidden not in text, text[:300]


@pytest.mark.parametrize(
    "frame",
    [
        '[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"hunter2"}]',
        '[2,"1","ChangeConfiguration",{"value":"hunter2","key":"AUTHORIZATIONKEY"}]',
        '[2,"1","ChangeConfiguration",{"key":"BasicAuthPassword","value":"a \\" hunter2"}]',
        '[2,"1","ChangeConfiguration",{"key":"VendorSecret","value":"hunter2"}]',
        '[2,"1","ChangeConfiguration",{"key":"Authorization\\u004bey","value":"hunter2"}]',
        '[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","x":1,"value":"hunter2"}]',
        '[2,"1","GetDiagnostics",{"location":"ftp://user:hunter2@host/folder"}]',
    ],
)
def test_secrets_are_masked_in_frames(frame: str) -> None:
    assert "hunter2" not in masked_text(frame.encode())


@pytest.mark.parametrize(
    "frame",
    [
        '[2,"1","ChangeConfiguration",{"key":"HeartbeatInterval","value":"60"}]',
        '[3,"1",{"configurationKey":[{"key":"AuthorizationKey","readonly":false},'
        '{"key":"CpoName","readonly":false,"value":"x"}],"unknownKey":[]}]',
    ],
)
def test_other_frames_are_shown_whole(frame: str) -> None:
    assert masked_text(frame.encode()) == frame
