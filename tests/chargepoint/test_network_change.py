"""Network changes by the helper against the real NetworkManager: they return by themselves unless they are kept."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from chargepoint.bus import Bus
from chargepoint.messages import (
    ActionResult,
    ChangeNetwork,
    KeepNetwork,
    NetworkDevice,
    NetworkPage,
    ReadNetwork,
    UndoNetwork,
)
from chargepoint.privileged import desk, rules
from tests.chargepoint import network_rig
from tests.chargepoint.test_helper import a_helper, records

pytestmark = [
    pytest.mark.realtime,
    pytest.mark.skipif(bool(network_rig.missing()), reason=network_rig.missing() or "it is there"),
]


async def read(bus: Bus) -> NetworkPage:
    return await bus.call("helper", ReadNetwork(), 20.0)


async def change(bus: Bus, **more: Any) -> ActionResult:
    wish = {"device": "veth0", "method": "manual", "address": "192.0.2.77/24", "gateway": "192.0.2.1", "by": "anna"}
    return await bus.call("helper", ChangeNetwork(**{**wish, **more}), 20.0)


def device(page: NetworkPage) -> NetworkDevice:
    return next(one for one in page.devices if one.name == "veth0")


async def test_a_change_returns_by_itself_unless_it_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "LEAST_WITHIN_S", 1)
    monkeypatch.setattr(desk, "ACTIVATE_AFTER_S", 0.2)
    data = tmp_path / "helper"
    data.mkdir()
    async with network_rig.Network(tmp_path) as network, a_helper(data, is_really=True) as buses:
        bus = buses["webconfig"]
        await network.until_address("192.0.2.10/24")
        page = await read(bus)
        before = device(page)
        assert (page.reason, page.version[:2], page.modem_reason) == ("", "1.", "ModemManager does not run here")
        assert (before.kind, before.state, before.profile) == ("ethernet", "connected", "wired")
        assert (before.addresses, before.gateways, before.dns) == (("192.0.2.10/24",), ("192.0.2.1",), ("192.0.2.53",))
        assert (before.method, before.fixed, before.priority) == ("manual", "192.0.2.10/24", None)

        result = await change(bus, dns=("192.0.2.54",), priority=50, within_s=4)
        assert result.ok, result
        await network.until_address("192.0.2.77/24")
        now = await read(bus)
        assert now.trial is not None and now.trial.outcome == "pending" and 0 < now.trial.left_s <= 4
        assert (now.trial.by, now.trial.address) == ("anna", "192.0.2.77")
        assert (device(now).fixed_dns, device(now).priority) == (("192.0.2.54",), 50)
        assert "192.0.2.10" in network.profile.read_text(encoding="ascii"), "the disk holds what was until it is kept"
        assert (await change(bus)).code == "pending"

        await network.until_address("192.0.2.10/24")  # nobody kept it
        after = await read(bus)
        assert after.trial is not None and after.trial.outcome == "returned"
        assert device(after).fixed == "192.0.2.10/24"
        assert "192.0.2.77" not in network.profile.read_text(encoding="ascii")
        assert (await bus.call("helper", KeepNetwork(by="anna"), 20.0)).code == "nothing"

        assert (await change(bus, within_s=60)).ok
        await network.until_address("192.0.2.77/24")
        assert (await bus.call("helper", KeepNetwork(by="anna"), 20.0)).ok
        kept = await read(bus)
        assert kept.trial is not None and kept.trial.outcome == "kept"
        assert "192.0.2.77" in network.profile.read_text(encoding="ascii")

        assert (await change(bus, address="192.0.2.78/24", within_s=60)).ok
        await network.until_address("192.0.2.78/24")
        assert (await bus.call("helper", UndoNetwork(by="anna"), 20.0)).ok
        await network.until_address("192.0.2.77/24")
        for wrong in ({"device": "veth9"}, {"ssid": "home"}, {"address": "192.0.2.77"}):
            assert not (await change(bus, **wrong)).ok
        assert await network.addresses() == ["192.0.2.77/24"]
        written = [(one["deed"], one["by"]) for one in records(data)]
        assert ("change_network", "anna") in written and ("keep_network", "anna") in written


async def test_a_device_without_a_profile_gets_one_that_goes_when_it_is_undone(tmp_path: Path) -> None:
    data = tmp_path / "helper"
    data.mkdir()
    async with network_rig.Network(tmp_path) as network:
        async with a_helper(data, is_really=True) as buses:
            await network.until_address("192.0.2.10/24")
            wish = {"device": "veth1", "address": "198.51.100.5/24", "gateway": "198.51.100.1"}
            result = await change(buses["webconfig"], **wish, within_s=60)
            assert result.ok, result
        async with a_helper(data, is_really=True) as buses:  # another one, as after a crash
            await network.until_address("198.51.100.5/24", device="veth1")
            page = await read(buses["webconfig"])
            assert page.trial is not None and page.trial.outcome == "pending"
            assert next(one for one in page.devices if one.name == "veth1").profile == "veth1"
            assert (await buses["webconfig"].call("helper", UndoNetwork(by="anna"), 20.0)).ok
            async with asyncio.timeout(10):
                while await network.addresses("veth1"):
                    await asyncio.sleep(0.1)
            page = await read(buses["webconfig"])
            assert page.trial is not None and page.trial.outcome == "undone"
            assert next(one for one in page.devices if one.name == "veth1").profile == ""
        assert [path.name for path in network.profile.parent.iterdir()] == ["wired.nmconnection"]


async def test_without_dbus_all_of_it_says_why(tmp_path: Path) -> None:
    async with a_helper(tmp_path, is_really=True) as buses:
        assert "D-Bus does not run here" in (await read(buses["webconfig"])).reason
        result = await change(buses["webconfig"])
        assert (result.ok, result.code) == (False, "unavailable")


async def test_without_really_a_change_is_only_written_down(tmp_path: Path) -> None:
    async with a_helper(tmp_path) as buses:
        result = await change(buses["webconfig"], device="wlan0", ssid="home", password="very secret")
        assert (result.ok, result.code) == (True, "recorded")
        await asyncio.sleep(0)
    assert [one["arguments"]["device"] for one in records(tmp_path)] == ["wlan0"]
    assert "very secret" not in (tmp_path / "deeds.jsonl").read_text(encoding="utf-8")
