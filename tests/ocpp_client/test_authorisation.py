"""Who may charge, at the service: what is asked for, what is remembered of answers, and what of it counts when."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chargepoint.messages import Authorization, Authorize, CallCentralSystem
from chargepoint.records import Credential
from chargepoint.storage.database import CannotRecord, Database
from chargepoint.vocabulary import AuthorizationBasis, CredentialType
from ocpp_client import store
from tests.ocpp_client.rig import NAME, NOW, Rig, bench

PAST = "2020-01-01T00:00:00Z"


async def authorize(rig: Rig, tag: str) -> Authorization:
    return await rig.buses["station"].call("ocpp", Authorize(id_tag=tag), 40.0)


async def without_link(rig: Rig) -> None:
    await rig.system.go_away()
    await asyncio.sleep(1)


@pytest.mark.ocpp("3.5-online-asks", "3.5.1-cache-expiry")
async def test_the_word_of_the_central_system_counts_and_its_date_is_for_the_cache(tmp_path: Path) -> None:
    """expiryDate says when an idTag leaves the cache (7.27); that a card is over the server says by its status."""
    async with bench(tmp_path) as rig:
        rig.system.id_tags["card"] = {"status": "Accepted", "expiryDate": PAST}
        await rig.registered()
        assert (await authorize(rig, "card")).status == "Accepted"
        await without_link(rig)
        assert await authorize(rig, "card") == Authorization(status="Expired", basis=AuthorizationBasis.CACHE)


@pytest.mark.ocpp("7.27-no-expiry")
async def test_an_entry_without_date_holds_without_end(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        await authorize(rig, "card")
        await without_link(rig)
        rig.clock.offset_s += 1000 * 86_400
        assert (await authorize(rig, "card")).basis is AuthorizationBasis.CACHE


@pytest.mark.ocpp("3.5.1-cache-updated", "4.8-cache", "4.10-cache", "3.5.1-cache-kept")
async def test_the_cache_follows_every_answer_and_outlives_a_restart(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration={"StopTransactionOnInvalidId": False}) as rig:
        await rig.registered()
        await authorize(rig, "CARD1")
        assert rig.client is not None
        cache = rig.client._store.cache
        assert cache["card1"].status == "Accepted"
        rig.system.id_tags["CARD1"] = {"status": "Blocked", "parentIdTag": "FAMILY"}
        rig.station.start(1)
        await rig.system.until_received("StartTransaction")
        await asyncio.sleep(1)
        assert (cache["card1"].status, cache["card1"].parent) == ("Blocked", "FAMILY")
        rig.system.id_tags["CARD1"] = "Expired"
        rig.station.stop(1)
        await rig.system.until_received("StopTransaction")
        await asyncio.sleep(1)
        assert cache["card1"].status == "Expired"
        await rig.stop()
        await rig.boot()
        assert rig.client._store.cache["card1"].status == "Expired"


async def test_concurrent_tx_says_nothing_of_the_card_itself(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        await authorize(rig, "card")
        rig.system.id_tags["card"] = "ConcurrentTx"
        assert (await authorize(rig, "card")).status == "ConcurrentTx"
        await without_link(rig)
        assert (await authorize(rig, "card")).status == "Accepted"


@pytest.mark.ocpp("3.5.1-cache-off", "9.1-AuthorizationCacheEnabled")
async def test_what_was_cached_is_not_believed_after_the_cache_was_off(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration={"LocalPreAuthorize": True}) as rig:
        await rig.registered()
        await authorize(rig, "card")

        async def switch(value: str) -> None:
            change = {"key": "AuthorizationCacheEnabled", "value": value}
            assert await rig.system.call(NAME, "ChangeConfiguration", change) == {"status": "Accepted"}

        await switch("false")
        assert await rig.system.call(NAME, "ClearCache", {}) == {"status": "Rejected"}
        rig.system.id_tags["card"] = "Blocked"
        assert (await authorize(rig, "card")).status == "Blocked"
        rig.system.id_tags["card"] = "Accepted"
        await switch("true")
        assert (await authorize(rig, "card")).basis is AuthorizationBasis.SERVER


async def test_a_cache_that_cannot_be_cleared_for_good_is_kept_and_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any) -> None:
        raise CannotRecord("the disk is full")

    async with bench(tmp_path) as rig:
        await rig.registered()
        await authorize(rig, "card")
        with monkeypatch.context() as patch:
            patch.setattr(Database, "write", full)
            assert await rig.system.call(NAME, "ClearCache", {}) == {"status": "Rejected"}
        await without_link(rig)
        assert (await authorize(rig, "card")).basis is AuthorizationBasis.CACHE


@pytest.mark.ocpp("3.5.1-cache-full")
def test_a_full_cache_drops_those_that_may_not_charge_then_the_one_unused_for_longest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store, "MAX_CACHE", 3)
    kept = store.Store(None)  # type: ignore[arg-type]
    hour = timedelta(hours=1)

    def remember(tag: str, status: str = "Accepted", expires_at: datetime | None = None) -> None:
        kept.remember(tag, status, "", expires_at, NOW)

    remember("old")
    remember("blocked", "Blocked")
    remember("over", expires_at=NOW - hour)
    remember("A", expires_at=NOW + hour)
    assert set(kept.cache) == {"old", "over", "a"}
    remember("B")
    assert set(kept.cache) == {"old", "a", "b"}
    kept.used("OLD")
    remember("C")
    assert set(kept.cache) == {"old", "b", "c"}


async def test_entries_count_while_the_clock_is_not_set_unless_they_were_over_before(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration={"LocalPreAuthorize": True}) as rig:
        await rig.registered()
        rows = [
            {"idTag": tag, "idTagInfo": {"status": "Accepted", "expiryDate": at}}
            for tag, at in (("long", "2030-01-01T00:00:00Z"), ("past", PAST))
        ]
        send = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": rows}
        assert await rig.system.call(NAME, "SendLocalList", send) == {"status": "Accepted"}
        await without_link(rig)
        rig.clock.floor = datetime(2025, 1, 1, tzinfo=UTC)
        rig.clock.set_offset(0.0, "system")
        rig.clock.source = "unset"
        assert not rig.clock.is_set
        assert (await authorize(rig, "long")).status == "Accepted"
        assert (await authorize(rig, "past")).status == "Expired"


@pytest.mark.ocpp("4.3-data", "DataTransfer.station")
async def test_a_data_transfer_of_the_station_gives_back_what_the_central_system_says(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        rig.system.on("DataTransfer", answer={"status": "Accepted", "data": "42"})
        payload = '{"vendorId": "com.example", "messageId": "ask", "data": "?"}'
        request = CallCentralSystem(action="DataTransfer", payload=payload)
        answer: Any = await rig.buses["admin"].call("ocpp", request)
        assert (answer.ok, answer.payload) == (True, '{"status":"Accepted","data":"42"}')
        assert rig.payloads("DataTransfer")[0]["messageId"] == "ask"


@pytest.mark.parametrize("kind", [CredentialType.RFID, CredentialType.VIN])
async def test_who_is_authorised_by_the_list_is_so_by_the_id_tag_that_is_told(
    tmp_path: Path, kind: CredentialType
) -> None:
    tag = {CredentialType.RFID: "AABBCCDDEEFF", CredentialType.VIN: "vid:aabbccddeeff"}[kind]
    async with bench(tmp_path, configuration={"LocalPreAuthorize": True}) as rig:
        await rig.registered()
        rows = [{"idTag": tag, "idTagInfo": {"status": "Accepted"}}]
        send = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": rows}
        assert await rig.system.call(NAME, "SendLocalList", send) == {"status": "Accepted"}
        request = Authorize(id_tag=Credential("AABBCCDDEEFF", kind).value, type=kind)
        assert (await rig.buses["station"].call("ocpp", request)).basis is AuthorizationBasis.LOCAL_LIST
