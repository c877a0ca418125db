"""settings.db and the hub's calls about settings, users and passwords."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chargepoint import passwords
from chargepoint.bus import Bus, CallFailed
from chargepoint.clock import Clock
from chargepoint.household import MAX_SETTINGS_BYTES, Household
from chargepoint.messages import (
    ActionResult,
    ChangeSettings,
    CheckPassword,
    Noted,
    ReadSettings,
    RemoveUser,
    SaveUser,
    SecurityNoted,
    SettingsState,
    User,
    UsersState,
)
from chargepoint.one_process import in_process_bus
from chargepoint.storage import settings as settings_file
from chargepoint.storage.settings import SettingsStore
from chargepoint.vocabulary import Role

PASSWORD = "Correct7Horse"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MEMORY_KIB", 8)


def a_clock() -> Clock:
    return Clock("boot-1", offset_s=1.8e9, source="system")


@asynccontextmanager
async def a_store(folder: Path, clock: Clock | None = None) -> AsyncIterator[SettingsStore]:
    store = await SettingsStore.open(folder, clock or a_clock())
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def a_house(folder: Path) -> AsyncIterator[dict[str, Bus]]:
    async with a_store(folder) as store, in_process_bus("hub", "webconfig", "admin", "ocpp", "station") as buses:
        Household(store, buses["hub"]).tell()
        yield buses


def user(login: str = "anna", *cards: str, role: Role = Role.CUSTOMER, **more: bool | int) -> User:
    return User(login=login, role=role, cards=cards, **more)  # type: ignore[arg-type]


async def save(bus: Bus, who: User, password: str | None = None, by: str = "root") -> ActionResult:
    return await bus.call("hub", SaveUser(user=who, password=password, by=by))


# ------------------------------------------------------------------------------------------------- the file


async def test_what_others_wrote_into_the_file_stops_nobody(tmp_path: Path) -> None:
    """A role of a newer version, a value that is no text: the rest is read, and the user may do nothing."""
    async with a_store(tmp_path) as store:
        await store.change({"a": "1"}, "anna")
        await store.save_user(user("anna", "04AA", role=Role.ADMINISTRATOR), None, "root")
        await store.save_user(user("bert", "04BB"), None, "root")
    file = sqlite3.connect(tmp_path / "settings.db")
    file.execute("UPDATE user SET role = 'king' WHERE login = 'anna'")
    file.execute("INSERT INTO setting VALUES ('b', x'FF00')")
    file.execute("INSERT INTO fact VALUES ('c', x'FF00')")
    file.commit()
    file.close()
    async with a_store(tmp_path) as store:
        assert store.values == {"a": "1"}
        assert store.fact("c") is None
        assert store.user("bert") == user("bert", "04BB")
        assert store.user("anna") == user("anna", "04AA", is_blocked=True)


async def test_values_and_who_set_them_survive(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        await store.change({"a.x": "1", "b.y": "2"}, "anna")
        await store.change({"a.x": "3", "b.y": None}, "boris")
    async with a_store(tmp_path) as store:
        assert store.values == {"a.x": "3"}
        changes = await store.changes("a.")
        assert [(c.key, c.value, c.by) for c in changes] == [("a.x", "3", "boris"), ("a.x", "1", "anna")]
        assert changes[0].moment.boot_id == "boot-1"
        assert changes[0].moment.at is not None
        assert [(c.key, c.value) for c in await store.changes()][:2] == [("b.y", None), ("a.x", "3")]


async def test_a_change_before_the_time_is_known_says_so(tmp_path: Path) -> None:
    async with a_store(tmp_path, Clock("boot-2")) as store:
        await store.change({"a": "1"}, "anna")
        (change,) = await store.changes()
        assert (change.moment.boot_id, change.moment.at) == ("boot-2", None)


async def test_what_changes_nothing_is_not_written_down(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        assert await store.change({"a": "1"}, "anna") == {"a": "1"}
        assert await store.change({"a": "1", "b": None}, "boris") == {}
        assert len(await store.changes()) == 1


async def test_the_history_of_changes_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_file, "MAX_CHANGES", 10)
    async with a_store(tmp_path) as store:
        for number in range(25):
            await store.change({"a": str(number)}, "anna")
        changes = await store.changes()
        assert [c.value for c in changes] == [str(number) for number in range(24, 14, -1)]


async def test_facts_and_users_survive(tmp_path: Path) -> None:
    async with a_store(tmp_path) as store:
        await store.set_facts({"boots": "7", "exit_code": "0"})
        await store.set_facts({"exit_code": None})
        await store.save_user(user("Anna", "04AA", "04BB", energy_limit_wh=5000, is_blocked=True), "hash", "root")
    async with a_store(tmp_path) as store:
        assert (store.fact("boots"), store.fact("exit_code")) == ("7", None)
        assert store.user("aNNa") == user("Anna", "04AA", "04BB", energy_limit_wh=5000, is_blocked=True)
        assert store.password_hash("ANNA") == "hash"
        assert store.owner_of("04bb") == "Anna"


# ------------------------------------------------------------------------------------------------- settings


async def test_a_change_is_told_to_everybody_and_noted(tmp_path: Path) -> None:
    async with a_house(tmp_path) as buses:
        notes = buses["station"].subscribe(Noted)
        view = buses["station"].watch("settings")
        await view.first("settings")
        change = ChangeSettings(values={"access.white": "04AA", "ocpp.AuthorizationKey": "0123"}, by="anna")
        await buses["webconfig"].call("hub", change)
        await asyncio.sleep(0.01)
        state = view.get("settings")
        assert isinstance(state, SettingsState)
        assert state.values == {"access.white": "04AA", "ocpp.AuthorizationKey": "0123"}
        note = await anext(notes)
        assert note.message == "access.white = 04AA, ocpp.AuthorizationKey = *** by anna (webconfig)"
        page = await buses["ocpp"].call("hub", ReadSettings(prefix="access."))
        assert page.values == {"access.white": "04AA"}
        assert [c.by for c in page.changes] == ["anna (webconfig)"]


@pytest.mark.parametrize("key", ["", " a", "a b", "a\nb", "a" * 121, "../../x", "ключ"])
async def test_keys_that_are_none_are_refused_and_nothing_of_the_request_is_kept(tmp_path: Path, key: str) -> None:
    async with a_house(tmp_path) as buses:
        with pytest.raises(CallFailed, match="is no key"):
            await buses["webconfig"].call("hub", ChangeSettings(values={"good": "1", key: "2"}, by="anna"))
        assert (await buses["webconfig"].call("hub", ReadSettings())).values == {}


async def test_settings_are_bounded(tmp_path: Path) -> None:
    async with a_house(tmp_path) as buses:
        with pytest.raises(CallFailed, match="too many settings"):
            await buses["webconfig"].call("hub", ChangeSettings(values={"a": "x" * MAX_SETTINGS_BYTES}, by="anna"))


# ---------------------------------------------------------------------------------------------------- users


async def test_the_charging_part_of_users_is_told_and_nothing_else(tmp_path: Path) -> None:
    async with a_house(tmp_path) as buses:
        security = buses["station"].subscribe(SecurityNoted)
        await asyncio.sleep(0.01)
        assert (await save(buses["admin"], user("anna", "04AA"), PASSWORD)).ok
        state = await buses["station"].watch("users").first("users")
        await asyncio.sleep(0.01)
        state = buses["station"].watch("users").get("users") or state
        assert isinstance(state, UsersState)
        assert state.users == (user("anna", "04AA"),)
        note = await anext(security)
        assert (note.operation, note.extra, note.source) == ("saved", "anna", "root (admin)")


async def test_logins_are_the_same_whatever_their_case(tmp_path: Path) -> None:
    async with a_house(tmp_path) as buses:
        await save(buses["admin"], user("anna", "04AA"), PASSWORD)
        assert (await save(buses["admin"], user("ANNA", "04AA", "04BB"))).ok
        assert (await buses["webconfig"].call("hub", CheckPassword(login="Anna", password=PASSWORD))).ok
        assert (await buses["admin"].call("hub", RemoveUser(login="anna", by="root"))).ok
        result = await buses["admin"].call("hub", RemoveUser(login="anna", by="root"))
        assert (result.ok, result.code) == (False, "unknown_user")


async def test_logins_are_security_events_and_what_was_typed_for_an_unknown_one_is_not_kept(tmp_path: Path) -> None:
    async with a_house(tmp_path) as buses:
        await save(buses["admin"], user("anna", "04AA"), PASSWORD)
        security = buses["station"].subscribe(SecurityNoted)
        await asyncio.sleep(0.01)
        for login, password in (("anna", PASSWORD), ("anna", "wrong"), ("my secret password", "x")):
            await buses["webconfig"].call("hub", CheckPassword(login=login, password=password))
        assert (await anext(security)).type == "UserChanged"
        notes = [await anext(security) for _ in range(3)]
        assert [note.type for note in notes] == [
            "MaintenanceLoginAccepted",
            "MaintenanceLoginFailed",
            "MaintenanceLoginFailed",
        ]
        assert notes[0].extra == "{'user': 'anna', 'origin': 'webconfig'}"
        assert not any("secret" in note.extra + note.source for note in notes)


@pytest.mark.parametrize(
    ("who", "password", "code"),
    [
        (user("ab"), None, "bad_login"),
        (user("a" * 151), None, "bad_login"),
        (user("anna\n"), None, "ok"),  # blanks around it are taken away
        (user("an\x00na"), None, "bad_login"),
        (user("anna", *(f"04{n:02}" for n in range(15))), None, "ok"),
        (user("anna", *(f"04{n:02}" for n in range(16))), None, "too_many_cards"),
        (user("anna", "04CC"), None, "card_taken"),
        (user("anna", "04cc"), None, "card_taken"),
        (user("anna", "04AA", "04aa"), None, "bad_card"),
        (user("anna", ""), None, "bad_card"),
        (user("anna", "0" * 21), None, "bad_card"),
        (user("anna", energy_limit_wh=-1), None, "bad_limit"),
        (user("anna", energy_limit_wh=10**12), None, "bad_limit"),
        (user("anna"), "Short7x", "weak_password"),
        (user("anna"), "longenough7", "weak_password"),
        (user("anna"), "LONGENOUGH7", "weak_password"),
        (user("anna"), "LongEnough", "weak_password"),
        (user("anna"), "xAnna12345", "weak_password"),
        (user("anna"), PASSWORD, "ok"),
    ],
)
async def test_rules_of_users(tmp_path: Path, who: User, password: str | None, code: str) -> None:
    async with a_house(tmp_path) as buses:
        assert (await save(buses["admin"], user("clara", "04CC"))).ok
        assert (await save(buses["admin"], who, password)).code == code


async def test_two_requests_at_once_cannot_share_a_card(tmp_path: Path) -> None:
    async with a_house(tmp_path) as buses:
        results = await asyncio.gather(
            *(save(buses["admin"], user(login, "04AA"), PASSWORD) for login in ("anna", "boris", "clara"))
        )
        assert sorted(result.code for result in results) == ["card_taken", "card_taken", "ok"]


async def test_the_last_administrator_stays_and_nobody_shuts_himself_out(tmp_path: Path) -> None:
    async with a_house(tmp_path) as buses:
        bus = buses["admin"]
        await save(buses["admin"], user("root", role=Role.ADMINISTRATOR), PASSWORD)
        assert (await save(bus, user("root", role=Role.TECHNIK), by="x")).code == "last_administrator"
        assert (await save(bus, user("root", role=Role.ADMINISTRATOR, is_blocked=True), by="x")).code == (
            "last_administrator"
        )
        assert (await bus.call("hub", RemoveUser(login="root", by="x"))).code == "last_administrator"
        await save(buses["admin"], user("second", role=Role.ADMINISTRATOR), PASSWORD)
        assert (await save(bus, user("root", role=Role.ADMINISTRATOR, is_blocked=True), by="Root")).code == "oneself"
        assert (await bus.call("hub", RemoveUser(login="root", by="root"))).code == "oneself"
        assert (await bus.call("hub", RemoveUser(login="root", by="second"))).ok


# ------------------------------------------------------------------------------------------------ passwords


async def test_passwords_are_checked_and_every_wrong_try_gets_the_same_answer(tmp_path: Path) -> None:
    async with a_house(tmp_path) as buses:
        bus = buses["webconfig"]
        await save(buses["admin"], user("anna", role=Role.TECHNIK), PASSWORD)
        await save(buses["admin"], user("blocked", is_blocked=True), PASSWORD)
        await save(buses["admin"], user("without"))
        right = await bus.call("hub", CheckPassword(login="anna", password=PASSWORD))
        assert (right.ok, right.text) == (True, "technik")
        tries = [("anna", "wrong"), ("nobody", PASSWORD), ("blocked", PASSWORD), ("without", PASSWORD), ("", "")]
        answers = [await bus.call("hub", CheckPassword(login=login, password=word)) for login, word in tries]
        wrong = ActionResult(ok=False, code="wrong", text="Login or password is wrong.")
        assert answers == [wrong] * len(tries)


async def test_a_changed_password_replaces_the_old_one(tmp_path: Path) -> None:
    async with a_house(tmp_path) as buses:
        bus = buses["webconfig"]
        await save(buses["admin"], user(), PASSWORD)
        await save(buses["admin"], user(), "Another8Horse")
        assert not (await bus.call("hub", CheckPassword(login="anna", password=PASSWORD))).ok
        assert (await bus.call("hub", CheckPassword(login="anna", password="Another8Horse"))).ok


async def test_settings_and_their_history_fit_into_one_message_whatever_their_letters(tmp_path: Path) -> None:
    async with a_house(tmp_path) as buses:
        for round_ in range(6):
            values: dict[str, str | None] = {"a": str(round_) + "\N{SNOWMAN}" * 120_000}
            await buses["webconfig"].call("hub", ChangeSettings(values=values, by="anna"))
        page = await buses["webconfig"].call("hub", ReadSettings())
        assert page.values == values
        assert [change.value for change in page.changes] == [values["a"]]
        with pytest.raises(CallFailed, match="too many settings"):
            await buses["webconfig"].call("hub", ChangeSettings(values={"b": "\N{SNOWMAN}" * 20_000}, by="anna"))


async def test_the_link_to_the_central_system_sets_its_own_keys_only(tmp_path: Path) -> None:
    async with a_house(tmp_path) as buses:
        await buses["ocpp"].call("hub", ChangeSettings(values={"ocpp.HeartbeatInterval": "60"}, by="server"))
        with pytest.raises(CallFailed, match="ocpp may set keys that begin with"):
            await buses["ocpp"].call("hub", ChangeSettings(values={"ocpp.a": "1", "access.white": None}, by="server"))
        assert (await buses["ocpp"].call("hub", ReadSettings())).values == {"ocpp.HeartbeatInterval": "60"}
