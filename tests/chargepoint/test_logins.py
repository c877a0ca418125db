"""Log-ins that end, API tokens, the recovery code, the first administrator."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from chargepoint import passwords
from chargepoint.bus import Bus, CallFailed
from chargepoint.clock import Clock
from chargepoint.commands.bus import masked
from chargepoint.household import Household
from chargepoint.messages import (
    ApiToken,
    ChangePassword,
    ChangePin,
    ChangeSettings,
    CheckPassword,
    CheckToken,
    CreateToken,
    LogIn,
    LoginsState,
    MakeFirstAdministrator,
    Noted,
    ReadSettings,
    ReadTokens,
    RecoveryAnswer,
    RemoveUser,
    RevokeToken,
    SaveUser,
    SetRecoveryCode,
    Standing,
    TokenAnswer,
    User,
    UseRecoveryCode,
)
from chargepoint.one_process import in_process_bus
from chargepoint.recovery import FIRST_HASH, FIRST_PASSWORD
from chargepoint.storage.settings import SettingsStore
from chargepoint.vocabulary import Role
from tests.chargepoint.test_entrance import DOORS, PASSWORD, PIN, World, a_world

RULER = "Ruler9Stays"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MEMORY_KIB", 8)
    monkeypatch.setattr(passwords, "COST_N", 16)


async def standings(bus: Bus) -> dict[str, Standing]:
    """Who may be logged in, as a door is told."""
    await asyncio.sleep(0.01)
    state = await bus.watch("access/").first("access/logins")
    assert isinstance(state, LoginsState)
    return {each.login: each for each in state.users}


async def save(world: World, user: User, by: str = "root", **more: object) -> str:
    request = SaveUser(user=user, by=by, **more)  # type: ignore[arg-type]
    return (await world.buses["webconfig"].call("hub", request)).code


# ------------------------------------------------------------------------------------------------- log-ins that end


async def test_a_log_in_ends_with_block_role_password_and_removal_and_nothing_else(tmp_path: Path) -> None:
    boris = User("boris", Role.TECHNIK, cards=("04A2B3C4",))
    async with a_world(tmp_path) as world:
        web = world.buses["webconfig"]
        answer = await world.log_in("webconfig", login="boris", password=PASSWORD)
        number = (await standings(web))["boris"].generation
        assert answer.generation == number > 0
        assert "carl" not in await standings(web), "a customer is logged in nowhere"

        assert await save(world, msgspec.structs.replace(boris, energy_limit_wh=5, cards=())) == "ok"
        await web.call("hub", ChangePin(login="boris", password=PASSWORD, pin="593817"))
        assert (await standings(web))["boris"].generation == number, "neither cards nor PINs nor limits end it"

        seen = {number}
        for user, more in (
            (boris, {"password": "Other7HorseRuns"}),
            (msgspec.structs.replace(boris, role=Role.OPERATOR), {}),
            (boris, {"must_change": True}),
        ):
            assert await save(world, user, **more) == "ok"
            fresh = (await standings(web))["boris"]
            assert fresh.generation not in seen
            assert fresh.role is user.role
            seen.add(fresh.generation)
        assert await save(world, msgspec.structs.replace(boris, is_blocked=True)) == "ok"
        assert "boris" not in await standings(web)
        assert await save(world, boris) == "ok"
        assert (await standings(web))["boris"].generation not in seen
        assert (await web.call("hub", RemoveUser(login="boris", by="root"))).ok
        assert "boris" not in await standings(web)
        assert await save(world, boris, password=PASSWORD) == "ok"
        assert (await standings(web))["boris"].generation not in seen, "made anew, he is somebody else"


async def test_who_changes_his_own_password_goes_on_with_the_number_he_is_told(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        web = world.buses["webconfig"]
        before = (await standings(web))["boris"].generation
        request = ChangePassword(login="boris", old_password=PASSWORD, new_password="Other7HorseRuns")
        result = await web.call("hub", request)
        after = (await standings(web))["boris"].generation
        assert (result.ok, result.values["generation"]) == (True, str(after))
        assert after != before
    async with a_world(tmp_path, "boot-2") as world:
        assert (await standings(world.buses["hmi"]))["boris"].generation == after, "a restart ends no log-in"


async def test_viewers_and_operators_come_in_at_the_web_and_not_at_the_screen(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        for role in (Role.VIEWER, Role.OPERATOR):
            await world.save(User("vera", role), password=PASSWORD)
            answer = await world.log_in("webconfig", login="vera", password=PASSWORD)
            assert (answer.code, answer.role) == ("ok", role)
            assert (await world.log_in("hmi", login="vera", password=PASSWORD)).code == "no_right"
            assert await save(world, User("evil", Role.ADMINISTRATOR), by="vera") == "no_right"


# ----------------------------------------------------------------------------------------------------------- tokens


async def token(
    world: World, name: str = "billing", role: Role = Role.VIEWER, by: str = "root", days: int = 30
) -> TokenAnswer:
    return await world.buses["webconfig"].call("hub", CreateToken(name=name, role=role, days=days, by=by))


async def check(world: World, text: str) -> TokenAnswer:
    return await world.buses["webconfig"].call("hub", CheckToken(token=text, origin="10.0.0.7"))


async def rows(world: World) -> tuple[ApiToken, ...]:
    return (await world.buses["webconfig"].call("hub", ReadTokens())).tokens


async def test_a_token_is_shown_once_works_over_restarts_and_is_kept_as_a_hash_only(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        made = await token(world)
        assert made.ok
        assert len(made.token) >= 40
        found = await check(world, made.token)
        assert (found.ok, found.login, found.role, found.name, found.token) == (
            True,
            "root",
            Role.VIEWER,
            "billing",
            "",
        )
        (row,) = await rows(world)
        assert (row.name, row.created_by, row.is_valid, row.role) == ("billing", "root", True, Role.VIEWER)
        assert row.last_used_at is not None
    async with a_world(tmp_path, "boot-2") as world:
        assert (await check(world, made.token)).ok
        assert (await check(world, made.token + "x")).code == "wrong"
        assert (await check(world, "")).code == "wrong"
    for file in tmp_path.iterdir():
        assert made.token.encode() not in file.read_bytes(), file.name


async def test_a_token_ends_by_revoking_by_time_and_with_its_maker(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.save(User("anna", Role.ADMINISTRATOR), password=PASSWORD)
        web = world.buses["webconfig"]
        one, two = await token(world, "one", Role.TECHNIK, "anna"), await token(world, "two", Role.OPERATOR, "anna")
        assert (await web.call("hub", RevokeToken(id=one.id, by="boris"))).code == "no_right"
        assert (await web.call("hub", RevokeToken(id=one.id, by="root"))).ok
        assert (await check(world, one.token)).code == "wrong"
        assert (await web.call("hub", RevokeToken(id=one.id, by="root"))).code == "unknown_token"
        await world.save(User("anna", Role.VIEWER))
        assert (await check(world, two.token)).role is Role.VIEWER, "not more than its maker may now"
        await world.save(User("anna", Role.ADMINISTRATOR, is_blocked=True))
        assert (await check(world, two.token)).code == "no_right"
        assert [row.is_valid for row in await rows(world)] == [False]
        assert (await web.call("hub", RemoveUser(login="anna", by="root"))).ok
        await world.save(User("anna", Role.ADMINISTRATOR), password=PASSWORD)
        assert (await check(world, two.token)).code == "wrong", "gone with its maker"
        short = await token(world, "short", days=1)
        world.store.clock.offset_s += timedelta(days=1).total_seconds()
        assert (await check(world, short.token)).code == "expired"


async def test_who_may_make_tokens_and_which(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        for name, role, by, days, code in (
            ("x", Role.VIEWER, "boris", 1, "no_right"),
            ("x", Role.VIEWER, "nobody", 1, "no_right"),
            (" ", Role.VIEWER, "root", 1, "bad_name"),
            ("x" * 61, Role.VIEWER, "root", 1, "bad_name"),
            ("x", Role.CUSTOMER, "root", 1, "bad_role"),
            ("x", Role.VIEWER, "root", 0, "bad_days"),
            ("x", Role.VIEWER, "root", 367, "bad_days"),
        ):
            assert (await token(world, name, role, by, days)).code == code
        for number in range(20):
            assert (await token(world, f"t{number}")).ok
        assert (await token(world, "one more")).code == "too_many"
        for door in ("hmi", "station", "admin"):
            with pytest.raises(CallFailed, match="may not send"):
                await world.buses[door].call("hub", CheckToken(token="x"))


# ------------------------------------------------------------------------------------------------- recovery, the first


async def recovery_code(world: World, by: str = "root") -> RecoveryAnswer:
    return await world.buses["webconfig"].call("hub", SetRecoveryCode(by=by))


async def use(world: World, login: str, code: str, password: str = "Fresh8StartAgain") -> str:
    request = UseRecoveryCode(login=login, recovery_secret=code, new_password=password)
    return (await world.buses["webconfig"].call("hub", request)).code


async def test_the_recovery_code_gives_an_administrator_a_new_password_once(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        assert (await recovery_code(world, "boris")).code == "no_right"
        old, code = (await recovery_code(world)).recovery_secret, (await recovery_code(world)).recovery_secret
        number = (await standings(world.buses["webconfig"]))["root"].generation
    async with a_world(tmp_path, "boot-2") as world:
        for login, given, password, wanted in (
            ("root", old, "Fresh8StartAgain", "wrong"),
            ("root", "", "Fresh8StartAgain", "wrong"),
            ("boris", code, "Fresh8StartAgain", "wrong"),
            ("nobody", code, "Fresh8StartAgain", "wrong"),
            ("root", code, "short", "weak_password"),
            ("ROOT", code.lower().replace("-", " "), "Fresh8StartAgain", "ok"),
            ("root", code, "Another9TryAgain", "wrong"),
        ):
            assert await use(world, login, given, password) == wanted
        assert (await world.log_in("webconfig", login="root", password="Fresh8StartAgain")).ok
        assert (await standings(world.buses["webconfig"]))["root"].generation != number
    assert not any(code.encode() in file.read_bytes() for file in tmp_path.iterdir())


async def test_wrong_recovery_codes_are_slowed_like_wrong_passwords(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        code = (await recovery_code(world)).recovery_secret
        for _ in range(10):
            assert await use(world, "root", "ABCD") == "wrong"
        assert await use(world, "root", code) == "wait"
        assert (await world.log_in("hmi", login="root", password=RULER)).ok, "the screen is another door"


async def test_a_new_station_has_one_administrator_with_a_password_of_its_own(tmp_path: Path) -> None:
    told = []
    for unit in ("a", "b"):
        (tmp_path / unit).mkdir()
        store = await SettingsStore.open(tmp_path / unit, Clock("boot-1", offset_s=1.8e9, source="system"))
        try:
            async with in_process_bus(*DOORS) as buses:
                Household(store, buses["hub"]).tell()
                web = await buses["webconfig"].call("hub", MakeFirstAdministrator())
                label = await buses["admin"].call("hub", MakeFirstAdministrator())
                assert (web.ok, web.login, web.first_password) == (True, "admin", ""), "the web is not told"
                told.append(label.first_password)
                answer = await buses["webconfig"].call("hub", LogIn(login="admin", password=label.first_password))
                assert (answer.ok, answer.must_change, answer.role) == (True, True, None)
                refused = await buses["webconfig"].call("hub", CheckPassword(login="admin", password=told[-1]))
                assert refused.code == "must_change"
                change = ChangePassword(login="admin", old_password=told[-1], new_password=PASSWORD)
                assert (await buses["webconfig"].call("hub", change)).ok
                assert (await buses["admin"].call("hub", MakeFirstAdministrator())).code == "known"
                assert store.fact(FIRST_PASSWORD) is None, "in clear only until it was changed"
                await store.forget_all("factory reset")
                again = await buses["admin"].call("hub", MakeFirstAdministrator())
                assert (again.ok, again.first_password) == (True, "")
                answer = await buses["hmi"].call("hub", LogIn(login="admin", password=told[-1]))
                assert (answer.ok, answer.must_change) == (True, True), "the label is right again after a factory reset"
                assert store.fact(FIRST_HASH) is not None
        finally:
            await store.close()
    assert len(set(told)) == 2
    assert all(passwords.weakness(password, "admin") == "" for password in told)


async def test_a_station_with_administrators_gets_no_other_one(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        assert (await world.buses["admin"].call("hub", MakeFirstAdministrator())).code == "known"
        assert world.store.user("admin") is None


async def test_the_web_keeps_the_step_of_its_wizard_and_the_link_may_not_touch_it(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        web = world.buses["webconfig"]
        await web.call("hub", ChangeSettings(values={"web.wizard.step": "network"}, by="admin"))
        assert (await web.call("hub", ReadSettings(prefix="web."))).values == {"web.wizard.step": "network"}
    async with a_world(tmp_path, "boot-2") as world:
        assert world.store.values == {"web.wizard.step": "network"}
        await world.store.forget_all("factory reset")
        assert world.store.values == {}


async def test_card_numbers_of_a_list_are_masked_in_the_log(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        notes = world.buses["station"].subscribe(Noted)
        change = ChangeSettings(values={"access.white": "04A2B3C4, 04FFEE11"}, by="root")
        await world.buses["webconfig"].call("hub", change)
        message = ""
        while "access.white" not in message:
            message = (await anext(notes)).message
        assert "··B3C4, ··EE11" in message
        assert "04A2" not in message


def test_no_secret_of_these_is_shown_to_who_watches_the_bus() -> None:
    for message in (
        CheckToken(token=PASSWORD),
        TokenAnswer(ok=True, code="ok", token=PASSWORD),
        UseRecoveryCode(login="root", recovery_secret=PASSWORD, new_password=PIN),
        RecoveryAnswer(ok=True, code="ok", recovery_secret=PASSWORD),
    ):
        shown = str(masked(msgspec.json.decode(msgspec.json.encode(message))))
        assert PASSWORD not in shown
        assert PIN not in shown
