"""What is bounded at the web's door: how often an address may ask, how long a log-in lasts, who works out live values,
through which interface one comes. Without sockets."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoint.rights import Right
from chargepoint.vocabulary import Role
from webconfig.answers import Problem
from webconfig.interfaces import is_mobile
from webconfig.live import Shared
from webconfig.paces import Pace, Paces
from webconfig.routes import Values, get
from webconfig.sending import local_path, safe_name
from webconfig.visitors import LONGEST_S, Visitors


def test_an_address_has_its_burst_and_then_its_pace() -> None:
    paces = Paces(Pace(per_s=2.0, burst=3.0))
    assert [paces.wait_s("192.0.2.1", 10.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert paces.wait_s("192.0.2.2", 10.0) == 0.0  # another one is not held up
    assert paces.wait_s("192.0.2.1", 10.5) == 0.0
    assert paces.wait_s("192.0.2.1", 10.5) > 0.0
    assert paces.wait_s("192.0.2.1", 5.0) > 0.0  # a clock that goes back gives nothing
    assert paces.wait_s("::ffff:192.0.2.1", 10.5) > 0.0  # the same one by another name


def test_addresses_of_one_household_count_as_one_and_the_table_stays_small() -> None:
    paces = Paces(Pace(per_s=0.1, burst=1.0), most=50)
    assert paces.wait_s("2001:db8::1", 0.0) == 0.0
    assert paces.wait_s("2001:db8::2", 0.0) > 0.0
    assert paces.wait_s("2001:db8:0:1::2", 0.0) == 0.0
    for n in range(500):
        paces.wait_s(f"198.51.{n // 250}.{n % 250}", 1.0)
    assert len(paces) == 50


@given(st.lists(st.floats(0.0, 5.0), max_size=60))
def test_nobody_gets_more_than_burst_and_pace(pauses_s: list[float]) -> None:
    paces, now_s, let_in = Paces(Pace(per_s=1.0, burst=5.0)), 0.0, 0
    for pause_s in pauses_s:
        now_s += pause_s
        let_in += paces.wait_s("a", now_s) == 0.0
    assert let_in <= 5.0 + now_s + 1e-6


def test_a_log_in_ends_after_its_idle_time_and_a_page_by_itself_does_not_renew_it() -> None:
    now_s = 0.0
    visitors = Visitors(900.0, lambda: now_s)
    secret, visitor = visitors.begin("vera", Role.VIEWER, 1, "192.0.2.1")
    for _ in range(3):
        now_s += 890.0
        assert visitors.of(secret, is_action=True) is visitor
    for _ in range(3):
        now_s += 300.0
        assert visitors.of(secret, is_action=False) is visitor
    now_s += 1.0
    visitors.sweep()
    assert visitor.ended.is_set() and visitors.of(secret, is_action=True) is None
    busy, visitor = visitors.begin("vera", Role.VIEWER, 1, "192.0.2.1")
    end_s = now_s + LONGEST_S
    while now_s <= end_s:
        assert visitors.of(busy, is_action=True) is visitor
        now_s += 800.0
    assert visitors.of(busy, is_action=True) is None


def test_log_out_everywhere_ends_all_sessions_of_this_login_only() -> None:
    visitors = Visitors(900.0, lambda: 0.0)
    own = [visitors.begin(login, Role.VIEWER, 1, "")[1] for login in ("Vera", "vera")]
    _, other = visitors.begin("veronika", Role.VIEWER, 1, "")
    assert visitors.end_login("VERA") == 2
    assert all(one.ended.is_set() for one in own) and visitors.all() == (other,)


@given(st.text(max_size=60))
def test_a_path_to_go_to_is_of_this_station_whatever_was_asked_for(text: str) -> None:
    for asked in (text, "/" + text, "//" + text, "/\\" + text):
        path = local_path(asked)
        assert path[0] == "/" and path[1:2] not in ("/", "\\")
        assert path.isascii() and path.isprintable() and "\\" not in path


@given(st.text(max_size=60))
def test_a_file_name_has_nothing_that_means_something(text: str) -> None:
    name = safe_name(text)
    assert name and not set(name) & set('/\\"\r\n;%') and not name.startswith(".")


def test_networks_of_mobile_modems_are_known_by_name_kind_or_driver(tmp_path: Path) -> None:
    for name, driver, uevent in (
        ("eth0", "macb", ""),
        ("enx001122", "r8152", ""),
        ("enx334455", "rndis_host", ""),
        ("lte", "", "DEVTYPE=wwan\nINTERFACE=lte\n"),
    ):
        folder = tmp_path / name
        (folder / "device").mkdir(parents=True)
        (folder / "uevent").write_text(uevent)
        if driver:
            (tmp_path / "drivers" / driver).mkdir(parents=True, exist_ok=True)
            (folder / "device" / "driver").symlink_to(tmp_path / "drivers" / driver)
    known = {
        name: is_mobile(name, tmp_path) for name in ("eth0", "enx001122", "enx334455", "lte", "wwan0", "ppp1", "lo")
    }
    assert known == {
        "eth0": False, "enx001122": False, "enx334455": True, "lte": True, "wwan0": True, "ppp1": True, "lo": False
    }  # fmt: skip


def looker(role: Role = Role.VIEWER, language: str = "en") -> Any:
    site = SimpleNamespace(now_s=lambda: asyncio.get_running_loop().time())
    return SimpleNamespace(visitor=SimpleNamespace(role=role), words=SimpleNamespace(language=language), site=site)


async def test_live_values_are_worked_out_once_for_all_who_see_the_same() -> None:
    worked: list[str] = []

    async def values(ask: Any) -> Values:
        worked.append(ask.words.language)
        await asyncio.sleep(3.0)  # longer than they may be old
        if len(worked) > 3:
            raise Problem(503, "unavailable", "")
        return {"n": str(len(worked))}

    async def page(_ask: Any) -> Any:
        raise AssertionError

    route, shared = get("/a/{n}", page, Right.SEE, live=values), Shared()

    async def look(of: str, **more: Any) -> Values:
        return await shared.values(cast(Any, looker(**more)), route, of, 0.9)

    first = [asyncio.create_task(look("/a/1?")) for _ in range(20)]
    await asyncio.sleep(2.0)
    late = [asyncio.create_task(look("/a/1?")) for _ in range(20)]
    late[3].cancel()  # who leaves does not end it for the others
    found = await asyncio.gather(*first, *late, return_exceptions=True)
    assert len(worked) == 1 and sum(one == {"n": "1"} for one in found) == 39
    await asyncio.gather(look("/a/2?"), look("/a/1?", language="ru"))
    assert sorted(worked) == ["en", "en", "ru"]
    await asyncio.sleep(1.0)
    for _ in range(2):  # what failed is tried anew
        with pytest.raises(Problem):
            await look("/a/1?")
    assert len(worked) == 5
