"""Clock, time zone, time servers, restart and power off of the computer by D-Bus, against stand-ins on a bus of their
own; modems likewise."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from chargepoint import helper
from chargepoint.messages import ReadTime
from chargepoint.privileged.dbus import system_bus
from chargepoint.privileged.network_read import read_modems
from tests.chargepoint import network_rig
from tests.chargepoint.machine_stand_in import StandIn
from tests.chargepoint.test_helper import a_helper, ask, programs_of


@pytest.mark.realtime
@pytest.mark.skipif(not network_rig._found("dbus-daemon"), reason="dbus-daemon is not installed (Debian: dbus)")
async def test_clock_zone_servers_and_power_go_by_dbus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = programs_of(monkeypatch)
    monkeypatch.setattr(helper, "TIME_SERVERS", tmp_path / "etc" / "chargepoint.conf")
    monkeypatch.setattr(helper, "ZONES", tmp_path / "zones")
    (tmp_path / "zones" / "Asia").mkdir(parents=True)
    (tmp_path / "zones" / "Asia" / "Qyzylorda").touch()
    data = tmp_path / "helper"
    data.mkdir()
    async with network_rig.PrivateBus(tmp_path), StandIn() as machine, a_helper(data, is_really=True) as buses:
        bus = buses["webconfig"]
        page = await bus.call("helper", ReadTime())
        assert (page.reason, page.zone, page.is_ntp_on, page.is_synchronised) == ("", "Asia/Almaty", True, True)
        assert page.rtc == datetime.fromtimestamp(1.8e9, UTC)
        assert (page.servers, page.server, page.server_address) == (
            ("ntp.example", "192.0.2.3"), "ntp.example", "192.0.2.3",
        )  # fmt: skip
        assert page.offset_s == pytest.approx(0.3) and page.jitter_s == pytest.approx(0.0025) and page.stratum == 2

        assert (await ask(bus, "set_time_zone", zone="Asia/Qyzylorda")).ok
        assert not (await ask(bus, "set_time_zone", zone="Mars/Base")).ok
        assert (await ask(bus, "set_ntp", on="0")).ok
        assert (await ask(bus, "set_clock", at="2027-03-01T12:00:00Z")).ok
        assert (await ask(bus, "set_time_servers", servers="ntp.example 192.0.2.9")).ok
        assert (await ask(bus, "reboot")).ok
        assert (await ask(bus, "power_off")).ok
        assert machine.asked == [
            ("SetTimezone", ("Asia/Qyzylorda", False)),
            ("SetNTP", (False, False)),
            ("SetTime", (1_803_902_400_000_000, False, False)),
            ("SetRuntimeNTPServers", (["ntp.example", "192.0.2.9"],)),
            ("Reboot", (False,)),
            ("PowerOff", (False,)),
        ]
        assert "NTP=ntp.example 192.0.2.9\n" in (tmp_path / "etc" / "chargepoint.conf").read_text(encoding="ascii")
        assert programs == []
        machine.refused = {"SetTime"}
        answer = await ask(bus, "set_clock", at="2027-03-01T12:00:00Z")
        assert (answer.ok, answer.text) == (False, "refused: it is automatic")

        async with system_bus() as own:
            (modem,), reason = await read_modems(own)
        assert (modem.name, modem.state, modem.signal_pct, modem.operator) == (
            "Maker LE-1",
            "connected",
            61,
            "Operator",
        )
        assert (modem.technology, modem.registration, modem.apn) == ("LTE", "roaming", "internet.example")
        assert (modem.sim, modem.sim_slot, modem.sim_slots, modem.needs, reason) == ("••••1234", 1, 2, "", "")


async def test_without_dbus_the_time_says_why(tmp_path: Path) -> None:
    async with a_helper(tmp_path) as buses:
        page = await buses["webconfig"].call("helper", ReadTime())
    assert "D-Bus does not run here" in page.reason and page.zone == ""


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("set_time_zone", {"zone": "../../etc/passwd"}),
        ("set_time_zone", {"zone": "/Asia/Almaty"}),
        ("set_time_zone", {"zone": "Asia/Almaty\n"}),
        ("set_ntp", {"on": "yes"}),
        ("set_time_servers", {"servers": "a b c d e"}),
        ("set_time_servers", {"servers": "ntp.example\nRootDistanceMaxSec=9"}),
        ("set_time_servers", {"servers": "-x"}),
        ("set_hostname", {"name": "a.b"}),
        ("set_hostname", {"name": "a;reboot"}),
        ("set_hostname", {"name": "x" * 64}),
    ],
)
def test_what_cannot_be_is_refused(name: str, arguments: dict[str, str]) -> None:
    assert helper.refusal(name, arguments)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("set_time_zone", {"zone": "America/Argentina/Buenos_Aires"}),
        ("set_time_zone", {"zone": "Etc/GMT+5"}),
        ("set_time_zone", {"zone": "UTC"}),
        ("set_ntp", {"on": "1"}),
        ("set_time_servers", {"servers": "0.debian.pool.ntp.org 192.0.2.1 2001:db8::1"}),
        ("set_hostname", {"name": "station-17"}),
    ],
)
def test_what_can_be_is_not(name: str, arguments: dict[str, str]) -> None:
    assert helper.refusal(name, arguments) == ""
