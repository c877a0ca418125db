"""Log-ins over the bus: password, card with PIN, grants, one's own secrets, the security journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from chargepoint import passwords
from chargepoint.bus import Bus, CallFailed
from chargepoint.clock import Clock
from chargepoint.commands.bus import masked
from chargepoint.household import Household
from chargepoint.messages import (
    AccessGrant,
    BindCard,
    ChangePassword,
    ChangePin,
    CheckPassword,
    EnterByGrant,
    GrantAccess,
    LogIn,
    LoginAnswer,
    ReadUsers,
    RemoveUser,
    SaveUser,
    SecurityNoted,
    User,
)
from chargepoint.one_process import in_process_bus
from chargepoint.storage.settings import SettingsStore
from chargepoint.vocabulary import Role

PASSWORD, PIN, CARD = "Correct7Horse", "482913", "04A2B3C4"
DOORS = ("hub", "webconfig", "hmi", "admin", "station")


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MEMORY_KIB", 8)
    monkeypatch.setattr(passwords, "COST_N", 16)


class World:
    """The hub's household on buses, and a user boris with password, PIN and a card."""

    def __init__(self, buses: dict[str, Bus], store: SettingsStore) -> None:
        self.buses = buses
        self.store = store

    async def log_in(self, door: str = "hmi", **fields: str) -> LoginAnswer:
        return await self.buses[door].call("hub", LogIn(**fields))

    async def save(self, user: User, **more: object) -> None:
        request = SaveUser(user=user, by="root", **more)  # type: ignore[arg-type]
        result = await self.buses["admin"].call("hub", request)
        assert result.ok, result


@asynccontextmanager
async def a_world(folder: Path, boot: str = "boot-1", *, card_alone: bool = False) -> AsyncIterator[World]:
    store = await SettingsStore.open(folder, Clock(boot, offset_s=1.8e9, source="system"))
    try:
        async with in_process_bus(*DOORS) as buses:
            Household(store, buses["hub"], card_alone=card_alone).tell()
            world = World(buses, store)
            if not store.users():
                await world.save(User("root", Role.ADMINISTRATOR), password="Ruler9Stays")
                await world.save(User("boris", Role.TECHNIK, cards=(CARD,)), password=PASSWORD, pin=PIN)
                await world.save(User("carl", Role.CUSTOMER), password=PASSWORD)
            yield world
    finally:
        await store.close()


async def test_login_and_password_or_card_and_pin_let_a_technician_in(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        for fields in ({"login": "BORIS", "password": PASSWORD}, {"card": CARD.lower(), "pin": PIN}):
            answer = await world.log_in(**fields)
            assert (answer.ok, answer.login, answer.role) == (True, "boris", Role.TECHNIK)
        for fields in (
            {"login": "boris", "password": PASSWORD.lower()},
            {"login": "boris", "password": PIN},
            {"card": CARD},
            {"card": CARD, "pin": PASSWORD},
        ):
            assert (await world.log_in(**fields)).code == "wrong"


async def test_a_card_alone_opens_nothing_unless_the_owner_said_so_and_then_only_at_the_station(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        assert (await world.log_in(card=CARD)).code == "wrong"
    async with a_world(tmp_path, card_alone=True) as world:
        assert (await world.log_in(card=CARD)).ok
        assert (await world.log_in("webconfig", card=CARD)).code == "wrong"
        assert (await world.log_in(card="00000000")).code == "wrong"
        assert (await world.log_in(card=CARD, pin="111112")).code == "wrong"


async def test_customers_have_no_part_in_it(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        assert (await world.log_in(login="carl", password=PASSWORD)).code == "no_right"
        assert (await world.log_in(login="carl", password="x")).code == "wrong"


async def test_five_wrong_tries_pause_this_door_and_not_the_other_and_survive_a_restart(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        for login in ("boris", "nobody", "boris", "x", "boris"):
            assert (await world.log_in(login=login, password="guess")).code == "wrong"
        answer = await world.log_in(login="boris", password=PASSWORD)
        assert (answer.code, round(answer.wait_s)) == ("wait", 60)
        assert (await world.log_in(card=CARD, pin=PIN)).code == "wait"
        assert (await world.log_in("webconfig", login="boris", password=PASSWORD)).ok
    async with a_world(tmp_path, "boot-2") as world:
        await asyncio.sleep(30)
        assert (await world.log_in(login="boris", password=PASSWORD)).code == "wait"
        await asyncio.sleep(31)
        assert (await world.log_in(login="boris", password="guess")).code == "wrong"
        answer = await world.log_in(login="boris", password=PASSWORD)
        assert (answer.code, round(answer.wait_s)) == ("wait", 300)
        await asyncio.sleep(301)
        assert (await world.log_in(login="boris", password=PASSWORD)).ok


async def test_a_flood_of_tries_at_once_gets_no_more_than_five(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        answers = await asyncio.gather(*(world.log_in(card=CARD, pin=f"{n:06}") for n in range(60)))
        assert [answer.code for answer in answers].count("wrong") == 5
        assert [answer.code for answer in answers].count("wait") == 55


async def test_unknown_logins_get_the_same_answers_as_known_ones(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        known = [await world.log_in(login="boris", password="guess") for _ in range(6)]
    (tmp_path / "other").mkdir()
    async with a_world(tmp_path / "other") as world:
        unknown = [await world.log_in(login="nobody", password="guess") for _ in range(6)]
    assert known[:5] == unknown[:5]
    assert (known[5].code, known[5].text) == (unknown[5].code, unknown[5].text)


async def test_every_try_is_a_security_event_and_pauses_are_told_once(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        security = world.buses["station"].subscribe(SecurityNoted)
        await asyncio.sleep(0.01)
        await world.log_in("webconfig", login="boris", password=PASSWORD, origin="192.0.2.7")
        for _ in range(20):
            await world.log_in(card="my secret number", pin="999999")
        await asyncio.sleep(0.01)
        notes = [await anext(security) for _ in range(10)][3:]  # after those of the users' making
        assert notes[0].type == "MaintenanceLoginAccepted"
        assert "192.0.2.7" in notes[0].extra
        assert {note.type for note in notes[1:]} == {"MaintenanceLoginFailed"}
        assert notes[6].operation == "too many wrong tries"
        assert not any("secret" in note.extra + note.source for note in notes)


async def test_the_label_password_has_to_be_changed(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.save(User("boris", Role.TECHNIK, cards=(CARD,)), password="Label5Word", must_change=True)
        first = await world.log_in(login="boris", password="Label5Word")
        assert (first.ok, first.must_change, first.role) == (True, True, None)
        hmi = world.buses["hmi"]
        proof = await hmi.call("hub", CheckPassword(login="boris", password="Label5Word"))
        assert (proof.ok, proof.code) == (False, "must_change")
        pin = await hmi.call("hub", ChangePin(login="boris", password="Label5Word", pin="135790"))
        assert (pin.ok, pin.code) == (False, "must_change")
        card = await hmi.call("hub", BindCard(login="boris", card="0499", by="boris"))
        assert (card.ok, card.code) == (False, "no_right")
        for old, new, code in (
            ("wrong", PASSWORD, "wrong"),
            ("Label5Word", "short", "weak_password"),
            ("Label5Word", "Label5Word", "same"),
            ("Label5Word", PASSWORD, "ok"),
        ):
            result = await hmi.call("hub", ChangePassword(login="boris", old_password=old, new_password=new))
            assert result.code == code
        assert result.values["role"] == "technik"
        answer = await world.log_in(login="boris", password=PASSWORD)
        assert (answer.ok, answer.must_change, answer.role) == (True, False, Role.TECHNIK)


async def test_a_pin_is_changed_with_the_password(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        hmi = world.buses["hmi"]
        for password, pin, code in (
            ("wrong", "739164", "wrong"), (PASSWORD, "123456", "bad_pin"), (PASSWORD, "739164", "ok"),
        ):  # fmt: skip
            assert (await hmi.call("hub", ChangePin(login="boris", password=password, pin=pin))).code == code
        assert (await world.log_in(card=CARD, pin=PIN)).code == "wrong"
        assert (await world.log_in(card=CARD, pin="739164")).ok
        assert (await hmi.call("hub", ChangePin(login="boris", password=PASSWORD, pin=""))).ok
        assert (await world.log_in(card=CARD, pin="739164")).code == "wrong"
        assert (await world.log_in(card=CARD, pin="")).code == "wrong"


async def test_cards_are_bound_and_another_ones_card_is_refused(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        hmi = world.buses["hmi"]

        async def bind(login: str, card: str, is_bound: bool = True) -> str:
            request = BindCard(login=login, card=card, is_bound=is_bound, by=login)
            return (await hmi.call("hub", request)).code

        assert await bind("root", CARD) == "card_taken"
        assert await bind("root", "04FF", is_bound=False) == "not_bound"
        assert [await bind("root", f"04{n:02}") for n in range(16)] == ["ok"] * 15 + ["too_many_cards"]
        assert await bind("root", "0400") == "ok"  # it is there already
        assert await bind("boris", CARD.lower(), is_bound=False) == "ok"
        assert await bind("nobody", "04AB") == "no_right"
        assert (await world.log_in(card=CARD, pin=PIN)).code == "wrong"


async def test_a_grant_from_afar_serves_once_for_60_s(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        admin, hmi = world.buses["admin"], world.buses["hmi"]
        view = hmi.watch("access/grant")
        assert (await hmi.call("hub", EnterByGrant())).code == "no_grant"
        for login, code in (("carl", "no_right"), ("nobody", "unknown_user"), ("boris", "ok")):
            assert (await admin.call("hub", GrantAccess(login=login, by="anna"))).code == code
        await asyncio.sleep(1)
        grant = view.get("access/grant")
        assert isinstance(grant, AccessGrant)
        assert (grant.login, grant.by) == ("boris", "anna (admin)")
        answer = await hmi.call("hub", EnterByGrant())
        assert (answer.ok, answer.login, answer.role) == (True, "boris", Role.TECHNIK)
        assert (await hmi.call("hub", EnterByGrant())).code == "no_grant"
        await admin.call("hub", GrantAccess(login="boris", by="anna"))
        await asyncio.sleep(61)
        assert (await hmi.call("hub", EnterByGrant())).code == "no_grant"
        with pytest.raises(CallFailed):
            await world.buses["webconfig"].call("hub", EnterByGrant())


async def test_a_hash_of_an_earlier_version_is_replaced_at_the_next_log_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_world(tmp_path) as world:
        with monkeypatch.context() as without:
            without.setattr(passwords, "_has_argon2", lambda: False)
            await world.save(User("boris", Role.TECHNIK, cards=(CARD,)), password=PASSWORD)
        assert (world.store.password_hash("boris") or "").startswith("scrypt$")
        assert (await world.buses["hmi"].call("hub", CheckPassword(login="boris", password=PASSWORD))).ok
        assert (world.store.password_hash("boris") or "").startswith("$argon2id$")
        assert (await world.log_in(login="boris", password=PASSWORD)).ok


async def test_who_has_what_is_told_without_any_hash(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        page = await world.buses["admin"].call("hub", ReadUsers())
        rows = {row.user.login: (row.has_password, row.has_pin, row.must_change) for row in page.users}
        assert rows == {"boris": (True, True, False), "carl": (True, False, False), "root": (True, False, False)}


async def test_what_is_kept_of_users_survives_a_restart(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.save(User("boris", Role.TECHNIK, cards=(CARD,)), must_change=True)
    async with a_world(tmp_path) as world:
        assert (await world.log_in(card=CARD, pin=PIN)).must_change


def test_nothing_that_is_typed_is_shown_to_who_watches_the_bus() -> None:
    requests = (
        LogIn(login="boris", password=PASSWORD, card=CARD, pin=PIN),
        ChangePassword(login="boris", old_password=PASSWORD, new_password=PASSWORD),
        ChangePin(login="boris", password=PASSWORD, pin=PIN),
        CheckPassword(login="boris", password=PASSWORD),
        SaveUser(user=User("boris", Role.TECHNIK, cards=(CARD,)), password=PASSWORD, pin=PIN, by="root"),
        BindCard(login="boris", card=CARD, by="boris"),
    )
    for request in requests:
        shown = str(masked(msgspec.json.decode(msgspec.json.encode(request))))
        assert not any(secret in shown for secret in (PASSWORD, PIN, CARD)), shown


async def test_users_are_changed_for_administrators_only_and_never_from_the_screen(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        web, hmi = world.buses["webconfig"], world.buses["hmi"]
        for by, code in (("boris", "no_right"), ("carl", "no_right"), ("nobody", "no_right"), ("root", "ok")):
            made = await web.call("hub", SaveUser(user=User("dora", Role.ADMINISTRATOR), password=PASSWORD, by=by))
            assert made.code == code, by
        for by, code in (("boris", "no_right"), ("", "no_right"), ("Root", "ok")):
            assert (await web.call("hub", RemoveUser(login="dora", by=by))).code == code, by
        with pytest.raises(CallFailed, match="may not send SaveUser"):
            await hmi.call("hub", SaveUser(user=User("dora", Role.ADMINISTRATOR), password=PASSWORD, by="root"))
        others = await hmi.call("hub", BindCard(login="root", card="0477", by="boris"))
        assert (others.ok, others.code) == (False, "no_right")
        await world.save(User("root2", Role.ADMINISTRATOR, is_blocked=True), password=PASSWORD)
        blocked = await web.call("hub", RemoveUser(login="boris", by="root2"))
        assert (blocked.ok, blocked.code) == (False, "no_right")


async def test_who_floods_a_door_with_tries_waits_and_the_other_door_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One hash at a time, and at most 16 that wait for it: the hub is the bus, and goes on."""
    async with a_world(tmp_path) as world:
        looked_at, real = [], passwords.is_right

        def is_right(password: str, stored: str | None) -> bool:
            looked_at.append(password)
            return real(password, stored)

        monkeypatch.setattr(passwords, "is_right", is_right)
        flood = [asyncio.create_task(world.log_in("webconfig", login="boris", password=PASSWORD)) for _ in range(200)]
        await asyncio.sleep(0)
        answer = await world.log_in("hmi", login="boris", password=PASSWORD)
        answers = await asyncio.gather(*flood)
        assert answer.ok
        assert 0 < sum(each.ok for each in answers) <= 20
        assert {each.code for each in answers} == {"ok", "wait"}
        assert len(looked_at) <= 21


async def test_the_spelling_of_a_login_or_a_card_wins_no_more_tries(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        ways = ["boris", "BORIS", " boris", "b\u00f6ris", "bo\u0308ris", "\uff42oris", "boris\0"]
        codes = [(await world.log_in(login=way, password="wrong")).code for way in ways]
        assert codes == ["wrong"] * 5 + ["wait"] * 2
        assert (await world.log_in(login="boris", password=PASSWORD)).code == "wait"
        assert (await world.log_in(card=CARD.lower(), pin=PIN)).code == "wait"
