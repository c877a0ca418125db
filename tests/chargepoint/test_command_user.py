"""`chargepoint user`: the first administrator of a new station, and what else is told of users."""

from __future__ import annotations

import argparse
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chargepoint import passwords
from chargepoint.__main__ import main
from chargepoint.clock import Clock
from chargepoint.commands import user as command
from chargepoint.door import Door
from chargepoint.exchange import Exchange
from chargepoint.household import Household
from chargepoint.messages import ChangePassword, CheckToken, LogIn, UseRecoveryCode
from chargepoint.one_process import in_process_bus
from chargepoint.storage.settings import SettingsStore
from chargepoint.vocabulary import Role


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MEMORY_KIB", 8)


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[dict[str, object]]:
    (folder / "hub").mkdir()
    exchange = Exchange()
    store = await SettingsStore.open(folder / "hub", Clock("boot-1", offset_s=1.8e9, source="system"))
    try:
        async with (
            Door(exchange, folder / "hub"),
            in_process_bus("hub", "hmi", "webconfig", exchange=exchange) as buses,
        ):
            Household(store, buses["hub"]).tell()
            yield dict(buses)
            exchange.close()
    finally:
        await store.close()


async def user(folder: Path, *words: str, typed: str = "", monkeypatch: pytest.MonkeyPatch | None = None) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    if monkeypatch is not None:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    return await command._do(parser.parse_args([*words, "--data", str(folder)]))


@pytest.mark.realtime
async def test_the_label_tokens_and_the_recovery_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with house(tmp_path) as buses:
        hmi, web = buses["hmi"], buses["webconfig"]
        assert await user(tmp_path, "first") == 0
        first = capsys.readouterr().out.split("first password ")[1].split(". ")[0]
        answer = await hmi.call("hub", LogIn(login="admin", password=first))  # type: ignore[attr-defined]
        assert (answer.ok, answer.must_change) == (True, True)
        assert await user(tmp_path, "token", "admin", "billing") == 1, "he changes his password first"
        change = ChangePassword(login="admin", old_password=first, new_password="Correct7Horse")
        assert (await hmi.call("hub", change)).ok  # type: ignore[attr-defined]
        assert await user(tmp_path, "first") == 1
        capsys.readouterr()
        assert await user(tmp_path, "token", "admin", "billing", "--days", "30") == 0
        token, told = capsys.readouterr().out.splitlines()
        found = await web.call("hub", CheckToken(token=token))  # type: ignore[attr-defined]
        assert (found.ok, found.role) == (True, Role.VIEWER)
        assert await user(tmp_path, "tokens") == 0
        listed = capsys.readouterr().out
        assert "billing" in listed
        assert token not in listed
        assert await user(tmp_path, "revoke", told.split(",")[0]) == 0
        assert (await web.call("hub", CheckToken(token=token))).code == "wrong"  # type: ignore[attr-defined]
        capsys.readouterr()
        assert await user(tmp_path, "recovery") == 0
        code = capsys.readouterr().out.splitlines()[0]
        request = UseRecoveryCode(login="admin", recovery_secret=code, new_password="Fresh8StartAgain")
        assert (await web.call("hub", request)).ok  # type: ignore[attr-defined]


@pytest.mark.realtime
async def test_the_first_administrator_of_a_new_station(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(tmp_path) as buses:
        assert await user(tmp_path, "list") == 0
        assert "There are no users yet" in capsys.readouterr().out
        assert await user(tmp_path, "add", "anna", "--role", "administrator", "--make") == 0
        told = capsys.readouterr().out
        password = told.split("password ")[1].split()[0]
        answer = await buses["hmi"].call("hub", LogIn(login="anna", password=password))  # type: ignore[attr-defined]
        assert (answer.ok, answer.must_change) == (True, True)
        assert await user(tmp_path, "add", "boris", typed="Correct7Horse\n", monkeypatch=monkeypatch) == 0
        assert await user(tmp_path, "add", "boris", typed="Correct7Horse\n", monkeypatch=monkeypatch) == 1
        assert await user(tmp_path, "pin", "boris", typed="123456\n", monkeypatch=monkeypatch) == 1
        assert await user(tmp_path, "pin", "boris", typed="482913\n", monkeypatch=monkeypatch) == 0
        assert await user(tmp_path, "card", "boris", "04A2B3C4") == 0
        assert await user(tmp_path, "card", "anna", "04A2B3C4") == 1
        assert await user(tmp_path, "password", "boris", typed="weak\n", monkeypatch=monkeypatch) == 1
        assert await user(tmp_path, "grant", "boris") == 0
        assert await user(tmp_path, "remove", "anna") == 1  # the last administrator stays
        capsys.readouterr()
        assert await user(tmp_path, "list") == 0
        listed = capsys.readouterr().out
        assert "password, PIN, cards" in listed
        assert "04A2B3C4" not in listed
        assert "password, to be changed" in listed


def test_wrong_use_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, told in (
        (["add"], "whose?"),
        (["card", "boris"], "which card?"),
        (["list", "--data", str(tmp_path)], "station"),
    ):
        assert main(["user", *words]) in (1, 2)
        assert told in capsys.readouterr().err


def test_made_passwords_are_good_and_never_the_same() -> None:
    made = [passwords.made("anna") for _ in range(50)]
    assert len(set(made)) == 50
    assert all(passwords.weakness(one, "anna") == "" for one in made)
