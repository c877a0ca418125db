"""The table of all routes: closed unless it names a right, and each right is that of webconfig.md 2 (S14, S19)."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from chargepoint.rights import Right
from chargepoint.vocabulary import Role
from tests.webconfig.bench import ROLES, Bench
from webconfig.answers import Answer, Json
from webconfig.ask import Ask
from webconfig.layout import MENU
from webconfig.paces import Pace
from webconfig.table import all_routes

OPEN_TO_EVERYBODY = {
    ("GET", "/login"),
    ("POST", "/login"),
    ("GET", "/recovery"),
    ("POST", "/recovery"),
    ("POST", "/look"),
    ("GET", "/api/v1/health"),
}
EVERYBODY = {Role.VIEWER, Role.OPERATOR, Role.TECHNIK, Role.ADMINISTRATOR}
MAY = {
    Right.SEE: EVERYBODY,
    Right.OPERATE: EVERYBODY - {Role.VIEWER},
    Right.DOWNLOAD: EVERYBODY - {Role.VIEWER},
    Right.SERVICE: {Role.TECHNIK, Role.ADMINISTRATOR},
    Right.CONFIGURE: {Role.TECHNIK, Role.ADMINISTRATOR},
    Right.ADMINISTER: {Role.ADMINISTRATOR},
}
READING = {"GET", "HEAD"}
MOST_BODY_BYTES = 2 << 20


def test_every_route_names_a_right_but_the_few_that_are_open() -> None:
    assert {(row.method, row.path) for row in all_routes() if row.right is None} == OPEN_TO_EVERYBODY


def test_what_anybody_may_send_before_he_is_known_is_small() -> None:
    for row in all_routes():
        assert row.right is not None or row.method in READING or row.body_bytes <= 4096, row.path
        assert row.body_bytes <= MOST_BODY_BYTES, f"{row.path}: what is larger is read piece by piece (body_bytes=0)"


def test_places_of_paths_cannot_leave_their_part_of_it() -> None:
    for row in all_routes():
        assert not re.search(r"\{[^}:]*:[^}]*(\.\*|/)", row.path), row.path


def test_pages_that_only_look_take_nothing_and_change_nothing() -> None:
    for row in all_routes():
        assert row.method not in READING or row.body is None, row.path
        assert row.method in READING or row.live is None, row.path


def test_the_menu_asks_for_the_right_of_the_page_it_leads_to() -> None:
    rights = {row.path: row.right for row in all_routes() if row.method == "GET"}
    for entry in MENU:
        assert rights.get(entry.path, entry.right) is entry.right, entry.path


@pytest.mark.realtime
async def test_each_role_gets_through_each_route_as_its_right_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every row with a handler that does nothing, so that all of them can be tried: the door is what is tested."""

    async def through(_ask: Ask) -> Answer:
        return Json({})

    rows = [row for row in all_routes() if row.path not in ("/login", "/password", "/live") and row.right is not None]
    tried = tuple(msgspec.structs.replace(row, handler=through, is_noted=False) for row in rows)
    kept = tuple(row for row in all_routes() if row not in rows)
    monkeypatch.setattr("webconfig.service.all_routes", lambda **_: (*kept, *tried))
    monkeypatch.setattr("webconfig.admission.REQUESTS", Pace(1e9, 1e9))
    async with Bench(tmp_path) as bench:
        for login, role in ((None, None), *ROLES.items()):
            client = await bench.log_in(login) if login else bench.client()
            for row in rows:
                path = filled(row.path)
                csrf = {"X-CSRF-Token": client.csrf}
                is_form = {"data": {"csrf": client.csrf}} if row.method not in READING else {}
                answer = await client.ask(row.method, path, headers=csrf, **is_form)
                where = f"{row.method} {path} {role}: {answer.status}"
                if role is None:
                    is_led = not row.is_api and row.method in READING
                    assert answer.status == (303 if is_led else 401), where
                    assert not is_led or answer.headers["Location"].startswith("/login"), where
                    continue
                assert row.right is not None
                assert (answer.status == 200) is (role in MAY[row.right]), where
                assert answer.status in (200, 403), where
                if row.method in READING or role is not Role.ADMINISTRATOR:
                    continue
                for headers in ({}, {"X-CSRF-Token": "x" * 32}, {**csrf, "Origin": "https://evil.example"}):
                    assert (await client.ask(row.method, path, headers=headers)).status in (403, 415), where


def filled(path: str) -> str:
    """A path of the row `path`: each place takes the first of some values that fits it."""

    def value(place: re.Match[str]) -> str:
        _, _, pattern = place[0][1:-1].partition(":")
        fits = (
            one
            for one in ("1", "a1", "now", "0" * 8, "0" * 12, "0" * 16, "0" * 32)
            if re.fullmatch(pattern or ".+", one)
        )
        return next(fits)

    return re.sub(r"\{(?:[^{}]|\{[^{}]*\})*\}", value, path)


@pytest.mark.realtime
@pytest.mark.parametrize("safe_mode", [(), ("station.toml cannot be read",)])
async def test_no_page_breaks_when_the_services_it_asks_are_not_there(
    tmp_path: Path, safe_mode: tuple[str, ...]
) -> None:
    broken: list[str] = []
    config = tmp_path / "station.toml"
    config.write_text("[station\n", encoding="utf-8")
    async with Bench(tmp_path / "data", safe_mode=safe_mode, config=config) as bench:
        client = await bench.log_in("admin")
        for row in all_routes():
            if row.method != "GET" or row.path == "/live" or row.is_safe_mode is not bool(safe_mode):
                continue
            where = bench.base + filled(row.path)
            async with client.session.get(where, ssl=False, allow_redirects=False) as answer:  # streams are not read
                if answer.status == 500:
                    broken.append(row.path)
    assert not broken
