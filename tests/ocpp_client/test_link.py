"""The link against servers that refuse, hang, redirect, cut, flood or throw us out."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve

from chargepoint.messages import Authorize, LinkStatus, Noted, SecurityNoted
from chargepoint.vocabulary import LinkState
from ocpp_client.simulated import HttpAnswer
from ocpp_client.transport import CannotConnect, Way, address, authorization, open_link, retry_after_s
from tests.listening import heard
from tests.ocpp_client.rig import NAME, Rig, bench

KEY = "s3cret-key-of-this-station"


def link_of(rig: Rig) -> LinkStatus:
    state = rig.buses["admin"].watch("link").get("link")
    assert isinstance(state, LinkStatus)
    return state


def connects(rig: Rig) -> list[float]:
    """Times of the attempts the server saw, in seconds of the test."""
    return [one.at.timestamp() - rig.clock.offset_s for one in rig.system.connects]


async def is_served(rig: Rig) -> None:
    """The link works: a request of the server is answered."""
    await rig.system.until_connected(NAME, 120)
    await rig.system.call(NAME, "GetConfiguration", {"key": ["HeartbeatInterval"]})


@pytest.mark.ocpp("J3.1-url")
def test_the_address_ends_with_the_identity() -> None:
    assert address("ws://host/ocpp/", "CP 1") == "ws://host/ocpp/CP%201"


@pytest.mark.ocpp("J6.2-basic")
def test_basic_authentication_carries_user_and_password() -> None:
    assert authorization("CP1", "pass") == {"Authorization": "Basic Q1AxOnBhc3M="}
    assert authorization("CP1", "") == {}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        (" 5 ", 5.0),
        ("-5", 0.0),
        ("Sun, 01 Mar 2026 12:02:00 GMT", 120.0),
        ("Sun, 01 Mar 2020 12:02:00 GMT", 0.0),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after(text: str | None, seconds: float | None) -> None:
    assert retry_after_s(text, datetime(2026, 3, 1, 12, tzinfo=UTC)) == seconds


@pytest.mark.ocpp("A04-FailedToAuthenticateAtCentralSystem")
async def test_wrong_credentials_raise_a_security_event_and_grow_no_storm(tmp_path: Path) -> None:
    async with bench(tmp_path, reconnect_spread_s=1.0) as rig:
        rig.buses["admin"].watch("link")
        events = rig.buses["admin"].subscribe(SecurityNoted)
        rig.system.passwords = {NAME: "right"}
        await rig.boot()
        await asyncio.sleep(3600)
        assert len(connects(rig)) < 60
        assert link_of(rig).state in (LinkState.OFFLINE, LinkState.CONNECTING) and "401" in link_of(rig).last_error
        assert [event.type for event in await heard(events)] == ["FailedToAuthenticateAtCentralSystem"]


async def test_what_retry_after_asks_for_is_waited(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        rig.system.http_answer = HttpAnswer(status=503, headers={"Retry-After": "300"})
        await rig.boot()
        await asyncio.sleep(290)
        assert len(connects(rig)) == 1
        rig.system.http_answer = None
        await rig.system.until_received("BootNotification", 1, 60)


@asynccontextmanager
async def listener() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A port that records what comes and answers nothing."""
    heard: list[bytes] = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(4096))
        writer.close()

    server = await asyncio.start_server(hear, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], heard
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_no_redirect_is_followed_and_no_credential_leaves(tmp_path: Path, status: int) -> None:
    async with listener() as (port, heard), bench(tmp_path) as rig:
        rig.system.http_answer = HttpAnswer(status=status, headers={"Location": f"ws://127.0.0.1:{port}/x"})
        with pytest.raises(CannotConnect, match="not followed"):
            await open_link(Way(f"{rig.system.url}/{NAME}", authorization(NAME, KEY)))
        assert heard == []


@pytest.mark.parametrize(("status", "text"), [(200, "portal"), (511, "portal"), (403, "identity"), (404, "404")])
@pytest.mark.ocpp("J3.2-unknown-identity")
async def test_refusals_say_what_they_mean(tmp_path: Path, status: int, text: str) -> None:
    async with bench(tmp_path) as rig:
        rig.system.http_answer = HttpAnswer(status=status, body="<html>")
        with pytest.raises(CannotConnect, match=text):
            await open_link(Way(f"{rig.system.url}/{NAME}"))


@pytest.mark.ocpp("J3.1-subprotocol", "J3.2-no-subprotocol")
async def test_a_server_without_our_subprotocol_is_left() -> None:
    left = asyncio.Event()

    async def hold(connection: ServerConnection) -> None:
        await connection.wait_closed()
        left.set()

    async with serve(hold, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(CannotConnect, match=r"does not speak ocpp1\.6"):
            await open_link(Way(f"ws://127.0.0.1:{port}/CP1"))
        await left.wait()


async def test_a_server_that_never_answers_the_handshake_is_given_up() -> None:
    async with listener() as (port, heard):
        begun_s = asyncio.get_running_loop().time()
        with pytest.raises(CannotConnect):
            await open_link(Way(f"ws://127.0.0.1:{port}/CP1"))
        assert asyncio.get_running_loop().time() - begun_s <= 20 and heard


@pytest.mark.ocpp("J4.2-garbage")
async def test_a_ten_megabyte_frame_costs_the_link_only(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        frame = '[2,"1","DataTransfer",{"vendorId":"x","data":"' + "y" * 10_000_000 + '"}]'
        await rig.system.send_raw(NAME, frame)
        await rig.system.until(lambda: len(rig.system.connects) > 1, 60)
        await is_served(rig)
        del frame
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 80_000  # the server's copies included


@pytest.mark.ocpp("J5.3-ping")
async def test_a_half_open_link_is_found_within_a_minute(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        await asyncio.sleep(100)
        rig.system.deafen(NAME)
        begun_s = asyncio.get_running_loop().time()
        await rig.system.until(lambda: len(rig.system.connects) > 1, 60)
        assert asyncio.get_running_loop().time() - begun_s <= 60
        await is_served(rig)


async def test_the_link_is_back_within_ten_seconds_after_the_server_is(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        for away_s in (1, 60, 600):
            await asyncio.sleep(30)
            await rig.system.go_away()
            await asyncio.sleep(away_s)
            await rig.system.come_back()
            await rig.system.until_connected(NAME, 10)


@pytest.mark.ocpp("J5.4-reconnect")
async def test_with_the_defaults_gaps_are_random_then_grow(tmp_path: Path) -> None:
    async with bench(tmp_path, reconnect_spread_s=120.0) as rig:
        await rig.boot()
        await rig.system.until_received("BootNotification", 1, 125)
        await asyncio.sleep(100)
        rig.system.http_answer = HttpAnswer(status=503)
        rig.system.disconnect(NAME)
        lost_s = asyncio.get_running_loop().time()
        await asyncio.sleep(3600)
        times = [at - lost_s for at in connects(rig) if at > lost_s]
        gaps = [after - before for before, after in zip([0.0, *times], times, strict=False)]
        early = [gap for at, gap in zip(times, gaps, strict=True) if at < 120]
        assert early and all(3 <= gap <= 10.1 for gap in early)
        assert max(gaps) > 100 and max(gaps) <= 904


async def test_a_server_that_throws_us_out_sees_few_connections_and_it_is_said(tmp_path: Path) -> None:
    async with bench(tmp_path, reconnect_spread_s=10.0) as rig:
        notes = rig.buses["admin"].subscribe(Noted)
        rig.system.on("*", close_before=True)
        await rig.boot()
        await asyncio.sleep(3600)
        assert 5 < len(connects(rig)) < 60
        assert any("another station" in note.error for note in await heard(notes))


async def test_slow_bytes_and_late_answers_do_not_stop_other_work(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.system.on("Heartbeat", times=1, delay_s=300.0)
        await rig.system.call(NAME, "TriggerMessage", {"requestedMessage": "Heartbeat"})
        await asyncio.sleep(25)
        await is_served(rig)
        await asyncio.sleep(10)
        rig.station.start(1)
        await rig.system.until_received("StartTransaction", 1, 10)
        await asyncio.sleep(300)
        assert len(rig.system.connects) == 1


async def test_a_name_that_does_not_resolve_holds_up_nobody(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        ocpp = msgspec.structs.replace(rig.settings.ocpp, url="ws://nowhere.invalid:9/ocpp")
        rig.settings = msgspec.structs.replace(rig.settings, ocpp=ocpp)
        await rig.boot()
        await asyncio.sleep(5)
        begun_s = asyncio.get_running_loop().time()
        answer = await rig.buses["station"].call("ocpp", Authorize(id_tag="CARD"))
        assert answer.status == "Invalid" and asyncio.get_running_loop().time() - begun_s < 1


@pytest.mark.ocpp("J6.2-basic", "A00-profile1")
async def test_credentials_are_sent_to_the_configured_server(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        rig.system.passwords = {NAME: KEY}
        connection = await open_link(Way(f"{rig.system.url}/{NAME}", authorization(NAME, KEY)))
        assert rig.system.connects[0].status == 101
        await connection.close()
