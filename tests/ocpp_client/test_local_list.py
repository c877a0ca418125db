"""The local authorisation list: versions, limits, whole or nothing on record, and what it means for who may charge."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargepoint.bus import Bus
from chargepoint.messages import Authorization, Authorize
from chargepoint.storage.database import CannotRecord, Database
from chargepoint.vocabulary import AuthorizationBasis
from ocpp_client.facts import Facts
from ocpp_client.tables import MIGRATIONS
from ocpp_client.v16.local_list import CannotApply, ListEntry, LocalList, Update, read_update
from tests.ocpp_client.rig import NAME, NOW, Rig, bench, rig_clock

ACCEPTED = {"status": "Accepted"}


def row(tag: str, status: str | None = "Accepted", **info: str) -> dict[str, Any]:
    """An entry of SendLocalList; without a status one that removes."""
    return {"idTag": tag} if status is None else {"idTag": tag, "idTagInfo": {"status": status, **info}}


def read(update_type: str, version: int, *rows: dict[str, Any], present: int = 0, tags: tuple[str, ...] = ()) -> Update:
    payload: dict[str, Any] = {"listVersion": version, "updateType": update_type, "localAuthorizationList": list(rows)}
    return read_update(payload, version=present, tags=tags, most=3, most_at_once=2)


async def send(rig: Rig, update_type: str, version: int, *rows: dict[str, Any]) -> str:
    payload = {"listVersion": version, "updateType": update_type, "localAuthorizationList": list(rows)}
    status: str = (await rig.system.call(NAME, "SendLocalList", payload))["status"]
    return status


async def version(rig: Rig) -> int:
    number: int = (await rig.system.call(NAME, "GetLocalListVersion", {}))["listVersion"]
    return number


async def change(rig: Rig, key: str, value: str) -> None:
    assert await rig.system.call(NAME, "ChangeConfiguration", {"key": key, "value": value}) == ACCEPTED


async def authorize(rig: Rig, tag: str) -> Authorization:
    station: Bus = rig.buses["station"]
    return await station.call("ocpp", Authorize(id_tag=tag), 40.0)


# ----------------------------------------------------------------------------------------------- what can be taken


@pytest.mark.parametrize(
    ("update_type", "new_version", "rows", "status"),
    [
        ("Full", 1, [row("A")], None),
        ("Full", 7, [row("A")], None),
        ("Full", 5, [], None),
        ("Full", 0, [], None),
        ("Full", -1, [], None),
        ("Differential", 8, [row("A"), row("B", None)], None),
        ("Differential", 8, [], None),
        ("Differential", 8, [row("nobody", None)], None),
        ("Differential", 7, [row("A")], "VersionMismatch"),
        ("Differential", 6, [row("A")], "VersionMismatch"),
        ("Differential", -1, [row("A")], "VersionMismatch"),
        ("Full", 0, [row("A")], "Failed"),
        ("Full", -1, [row("A")], "Failed"),
        ("Full", 2**63, [row("A")], "Failed"),
        ("Full", 8, [row("A", None)], "Failed"),
        ("Full", 8, [row("A"), row("a")], "Failed"),
        ("Differential", 8, [row("A"), row("a", None)], "Failed"),
        ("Full", 8, [row("")], "Failed"),
        ("Full", 8, [row("A"), row("B"), row("C")], "Failed"),
        ("Differential", 8, [row("C"), row("D")], "Failed"),
        ("Differential", 8, [row("C"), row("B", None)], None),
        ("Differential", 8, [row("a", "Blocked"), row("C")], None),
    ],
)
@pytest.mark.ocpp("5.15-mismatch", "5.15-failed", "5.15-limits", "5.15-duplicate")
def test_which_updates_can_be_carried_out(
    update_type: str, new_version: int, rows: list[dict[str, Any]], status: str | None
) -> None:
    """The present list has version 7 and the idTags a and b; three fit, two at once."""
    try:
        read(update_type, new_version, *rows, present=7, tags=("a", "b"))
        found = None
    except CannotApply as error:
        found = error.status
    assert found == status


def test_a_list_that_is_missing_is_an_empty_one() -> None:
    update = read_update({"listVersion": 3, "updateType": "Full"}, version=1, tags=("a",), most=3, most_at_once=2)
    assert (update.is_whole, update.entries) == (True, {})


# ---------------------------------------------------------------------------------------------------- on record


async def opened(tmp_path: Path) -> tuple[Database, LocalList]:
    database = await Database.open(tmp_path / "ocpp.db", MIGRATIONS, rig_clock())
    return database, await LocalList.load(database, await Facts.load(database))


def content(local_list: LocalList) -> tuple[int, dict[str, ListEntry | None]]:
    return local_list.version, {tag: local_list.get(tag) for tag in local_list.tags}


@pytest.mark.ocpp("3.5.2-list-kept")
async def test_list_and_version_are_there_after_a_restart(tmp_path: Path) -> None:
    database, local_list = await opened(tmp_path)
    entries = {"a": ListEntry("Accepted", "GROUP", NOW), "b": ListEntry("Blocked")}
    await local_list.apply(Update(True, 4, entries))
    await local_list.apply(Update(False, 5, {"c": ListEntry("Expired")}, frozenset({"b", "nobody"})))
    await database.close()
    database, again = await opened(tmp_path)
    assert content(again) == content(local_list) == (5, {"a": entries["a"], "c": ListEntry("Expired")})
    await database.close()


@pytest.mark.ocpp("5.15-atomic")
@pytest.mark.parametrize(
    "update", [Update(True, 9, {"x": ListEntry("Accepted")}), Update(False, 9, {}, frozenset("a"))]
)
async def test_an_update_cut_at_any_step_leaves_the_whole_old_list(
    tmp_path: Path, update: Update, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: dict[str, Any] = {name: getattr(Database, name) for name in ("_execute_many", "_commit")}
    steps_left = 0

    def failing(name: str) -> Any:
        async def step(self: Database, *arguments: Any) -> None:
            nonlocal steps_left
            steps_left -= 1
            if steps_left < 0:
                raise CannotRecord("the disk is full")
            await real[name](self, *arguments)

        return step

    database, local_list = await opened(tmp_path)
    await local_list.apply(Update(True, 4, {"a": ListEntry("Accepted"), "b": ListEntry("Blocked")}))
    before = content(local_list)
    for name in real:
        monkeypatch.setattr(Database, name, failing(name))
    for steps in range(3):
        steps_left = steps
        with pytest.raises(CannotRecord):
            await local_list.apply(update)
        assert content(local_list) == before
        await database.close()
        database, local_list = await opened(tmp_path)
        assert content(local_list) == before
    steps_left = 10
    await local_list.apply(update)
    assert local_list.version == 9
    await database.close()


# ------------------------------------------------------------------------------------------------------- requests


@pytest.mark.ocpp("GetLocalListVersion", "SendLocalList", "5.10-version", "5.15-full", "5.15-differential")
@pytest.mark.ocpp("5.15-empty-full")
async def test_the_list_is_replaced_changed_and_emptied(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        assert await version(rig) == 0
        assert await send(rig, "Full", 3, row("A"), row("B")) == "Accepted"
        assert await version(rig) == 3
        assert await send(rig, "Differential", 3, row("C")) == "VersionMismatch"
        assert await send(rig, "Differential", 4, row("C"), row("a", None)) == "Accepted"
        assert await version(rig) == 4
        assert rig.client is not None and set(rig.client._kept.local_list.tags) == {"b", "c"}
        assert await send(rig, "Full", 9) == "Accepted"
        assert await version(rig) == 0


@pytest.mark.ocpp("5.10-not-supported", "5.15-not-supported", "3.5.2-list-off", "9.2-LocalAuthListEnabled")
async def test_a_list_that_is_switched_off_is_not_there(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration={"LocalPreAuthorize": True}) as rig:
        await rig.registered()
        assert await send(rig, "Full", 3, row("A")) == "Accepted"
        await change(rig, "LocalAuthListEnabled", "false")
        assert await version(rig) == -1
        assert await send(rig, "Full", 4, row("A")) == "NotSupported"
        assert (await authorize(rig, "A")).basis is AuthorizationBasis.SERVER
        await change(rig, "LocalAuthListEnabled", "true")
        assert await version(rig) == 3


@pytest.mark.ocpp("9.2-LocalAuthListMaxLength", "9.2-SendLocalListMaxLength")
async def test_the_limits_are_those_of_the_keys(tmp_path: Path) -> None:
    presets = {"LocalAuthListMaxLength": 3, "SendLocalListMaxLength": 2}
    async with bench(tmp_path, configuration=presets) as rig:
        await rig.registered()
        assert await send(rig, "Full", 1, row("A"), row("B"), row("C")) == "Failed"
        assert await send(rig, "Full", 1, row("A"), row("B")) == "Accepted"
        assert await send(rig, "Differential", 2, row("C"), row("D")) == "Failed"
        assert (await version(rig), await send(rig, "Differential", 2, row("C"))) == (1, "Accepted")


async def test_what_cannot_be_kept_is_failed_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any) -> None:
        raise CannotRecord("the disk is full")

    async with bench(tmp_path) as rig:
        await rig.registered()
        assert await send(rig, "Full", 1, row("A")) == "Accepted"
        with monkeypatch.context() as patch:
            patch.setattr(Facts, "keep_all", full)
            assert await send(rig, "Full", 2, row("B")) == "Failed"
        assert await version(rig) == 1


@pytest.mark.ocpp("3.5.2-list-kept")
async def test_an_accepted_list_outlives_a_crash(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        assert await send(rig, "Full", 5, row("A", parentIdTag="FAMILY")) == "Accepted"
        await rig.kill()
        await rig.boot()
        await rig.system.until_received("StatusNotification", 6)
        assert await version(rig) == 5


# ---------------------------------------------------------------------------------------------- who may charge by it


@pytest.mark.ocpp("3.5-offline-local", "3.5.2-list-expiry", "3.5.4-known-bad")
async def test_without_link_the_list_decides_and_its_dates_count(tmp_path: Path) -> None:
    until = (NOW + timedelta(minutes=1)).isoformat()
    async with bench(tmp_path, configuration={"AllowOfflineTxForUnknownId": True}) as rig:
        await rig.registered()
        rows = [row("Card", parentIdTag="FAMILY"), row("bad", "Blocked"), row("short", expiryDate=until)]
        assert await send(rig, "Full", 1, *rows) == "Accepted"
        await rig.system.go_away()
        await asyncio.sleep(1)
        known = await authorize(rig, "CARD")
        assert known == Authorization(status="Accepted", basis=AuthorizationBasis.LOCAL_LIST, parent="FAMILY")
        assert (await authorize(rig, "BAD")).status == "Blocked"
        assert (await authorize(rig, "short")).status == "Accepted"
        await asyncio.sleep(60)
        assert (await authorize(rig, "short")).status == "Expired"
        assert (await authorize(rig, "stranger")).basis is AuthorizationBasis.OFFLINE


@pytest.mark.ocpp("3.5-pre-authorize", "3.5.1-cache-reauth", "9.1-LocalPreAuthorize")
async def test_with_link_the_list_lets_go_ahead_and_never_refuses_by_itself(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration={"LocalPreAuthorize": True}) as rig:
        await rig.registered()
        assert await send(rig, "Full", 1, row("good"), row("late", "Expired")) == "Accepted"
        assert (await authorize(rig, "good")).basis is AuthorizationBasis.LOCAL_LIST
        assert not rig.payloads("Authorize")
        late = await authorize(rig, "late")
        assert (late.status, late.basis) == ("Accepted", AuthorizationBasis.SERVER)


@pytest.mark.ocpp("3.5.2-list-no-cache", "3.5.3-not-cached", "3.5.3-list-first", "4.8-cache")
async def test_what_the_list_knows_is_not_cached_and_no_answer_changes_the_list(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        await authorize(rig, "Card")
        assert rig.client is not None
        cache = rig.client._store.cache
        assert "card" in cache
        assert await send(rig, "Full", 1, row("CARD")) == "Accepted"
        assert "card" not in cache
        rig.system.id_tags["card"] = "Blocked"
        assert (await authorize(rig, "Card")).status == "Blocked"
        assert "card" not in cache
        await rig.system.go_away()
        await asyncio.sleep(1)
        assert (await authorize(rig, "Card")).basis is AuthorizationBasis.LOCAL_LIST


@pytest.mark.ocpp("3.5.2-conflict")
async def test_a_start_refused_though_the_list_accepts_is_told_as_a_conflict(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        rig.system.id_tags["CARD1"] = "Blocked"
        await rig.registered()
        assert await send(rig, "Full", 1, row("card1")) == "Accepted"
        rig.station.start(1, basis=AuthorizationBasis.LOCAL_LIST)
        await rig.system.until_received("StatusNotification", 4)
        told = rig.payloads("StatusNotification")[-1]
        assert (told["connectorId"], told["errorCode"], told["status"]) == (0, "LocalListConflict", "Available")
        assert told["info"] == "CARD1"


@pytest.mark.ocpp("5.4-clears", "5.4-then-asks", "ClearCache")
async def test_clear_cache_leaves_the_list(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration={"LocalPreAuthorize": True}) as rig:
        await rig.registered()
        assert await send(rig, "Full", 1, row("listed")) == "Accepted"
        await authorize(rig, "cached")
        assert await rig.system.call(NAME, "ClearCache", {}) == ACCEPTED
        assert (await version(rig), (await authorize(rig, "listed")).basis) == (1, AuthorizationBasis.LOCAL_LIST)
        await authorize(rig, "cached")
        assert len(rig.payloads("Authorize")) == 2


async def test_five_thousand_id_tags_come_in_ten_requests(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        for number in range(10):
            rows = [row(f"{number:04X}{index:016X}") for index in range(500)]
            update_type = "Full" if number == 0 else "Differential"
            assert await send(rig, update_type, number + 1, *rows) == "Accepted"
        assert await send(rig, "Differential", 11, row("one too many")) == "Failed"
        assert rig.client is not None and len(rig.client._kept.local_list) == 5000


# ---------------------------------------------------------------------------------------------- against a plain model

TAGS = st.sampled_from(["a", "A", "b", "B", "c", "d", ""])
ROWS = st.lists(st.tuples(TAGS, st.sampled_from([None, "Accepted", "Blocked"])), max_size=4)
REQUESTS = st.lists(st.tuples(st.sampled_from(["Full", "Differential"]), st.integers(-2, 6), ROWS), max_size=8)


def modelled(kind: str, number: int, rows: list[tuple[str, str | None]], old: dict[str, str], old_number: int) -> Any:
    """What SendLocalList comes to by the sentences of the specification: status, list, version."""
    names = [tag.lower() for tag, _ in rows]
    new = {} if kind == "Full" else dict(old)
    for tag, status in rows:
        if status is None:
            new.pop(tag.lower(), None)
        else:
            new[tag.lower()] = status
    if kind == "Differential" and number <= old_number:
        return "VersionMismatch", old, old_number
    is_wrong = (
        len(rows) > 2
        or len(new) > 3
        or len(set(names)) < len(names)
        or "" in names
        or (kind == "Full" and any(status is None for _, status in rows))
        or (bool(new) and number < 1)
    )
    if is_wrong:
        return "Failed", old, old_number
    return "Accepted", new, number if new else 0


@given(REQUESTS)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_any_sequence_of_updates_comes_to_what_the_specification_says(
    requests: list[tuple[str, int, list[tuple[str, str | None]]]],
) -> None:
    held: dict[str, str] = {}
    held_version = 0
    for kind, number, rows in requests:
        try:
            payload_rows = [row(tag, status) for tag, status in rows]
            update = read(kind, number, *payload_rows, present=held_version, tags=tuple(held))
            kept = {} if update.is_whole else {tag: status for tag, status in held.items() if tag not in update.gone}
            new = kept | {tag: entry.status for tag, entry in update.entries.items()}
            found: Any = ("Accepted", new, update.version if new else 0)
        except CannotApply as error:
            found = (error.status, held, held_version)
        assert found == modelled(kind, number, rows, held, held_version)
        _, held, held_version = found
