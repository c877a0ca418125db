"""The example stations with all their connectors charging, and something happening to the cabinet."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from chargepoint.vocabulary import StopSource
from drivers.simulated.climate_model import ClimateFaults
from drivers.simulated.io_model import IoFaults
from drivers.simulated.ups_model import UpsFaults
from tests.journeys.cabinets import clear_input, touch
from tests.journeys.rig import EXAMPLES, Rig
from tests.journeys.steps import show_card

CHANGE = {"ocpp": {"reconnect_spread_s": 0}}


async def all_charging(rig: Rig) -> None:
    """Each connector with a card of its own."""
    for number in rig.numbers:
        rig.plug(number, current_a=16)
        await rig.advance(4)
        rig.simulated.tap("front", f"04A2B3C{number}")
        await rig.until_status("CHARGING", number)
    await rig.advance(6)


def happens(rig: Rig, what: str, is_over: bool) -> None:
    if what == "ups":
        rig.simulated.do("ups", "ups", UpsFaults(mains=is_over))
    elif what == "heat":
        rig.simulated.do("sensor", "rear", ClimateFaults(temperature_c=25.0 if is_over else 75.0))
    elif what == "silence":
        rig.simulated.do("io", "left", IoFaults(silent=not is_over))
    else:
        touch(rig, what, not is_over)


CASES = [
    # station, what happens, stop source, reason, errorCode, info; the rest is told by the long rounds
    ("ac-post", "door", StopSource.DOOR_OPEN, "EmergencyStop", "OtherError", "DoorOpen"),
    ("dc-100", "emergency-stop", StopSource.EMERGENCY_STOP, "EmergencyStop", "OtherError", "EmergencyStop"),
    ("dc-100", "heat", StopSource.OVERHEAT, "EmergencyStop", "HighTemperature", "overheat"),
    ("dc-100", "ups", StopSource.POWER_LOSS, "PowerLoss", "UnderVoltage", "PowerLoss"),
    ("dc-100", "door", StopSource.DOOR_OPEN, "EmergencyStop", "OtherError", "DoorOpen"),
    ("dc-100", "smoke", StopSource.SMOKE, "EmergencyStop", "OtherError", "Smoke"),
    ("dc-100", "vibration", StopSource.VIBRATION, "EmergencyStop", "OtherError", "Vibration"),
]
LONG = {("dc-100", "heat"), ("dc-100", "ups"), ("dc-100", "door"), ("dc-100", "smoke"), ("dc-100", "vibration")}


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.long) if case[:2] in LONG else case for case in CASES]
)
async def test_all_charges_end_and_each_connector_is_told_once(tmp_path: Path, case: tuple[str, ...]) -> None:
    station, what, source, reason, error_code, info = case
    text = (EXAMPLES / f"{station}.toml").read_text(encoding="utf-8")
    async with Rig(tmp_path, text, change=CHANGE) as rig:
        await rig.online()
        await all_charging(rig)
        told = len(rig.system.ledger.calls("StatusNotification"))
        for is_over in [False, True] * 3 if what == "vibration" else [False]:
            happens(rig, what, is_over)
            await rig.advance(0.5)
        await rig.advance(20)
        assert not any(rig.simulated.state().connector(number).contactor_closed for number in rig.numbers)
        assert (await show_card(rig, reader="front")).outcome == "unavailable"
        assert [session.stop_source for session in await rig.sessions()] == [source] * len(rig.numbers)
        assert [each.reason for each in rig.system.ledger.transactions] == [reason] * len(rig.numbers)
        calls = [call.payload for call in rig.system.ledger.calls("StatusNotification")[told:]]
        assert Counter(call["connectorId"] for call in calls) == Counter([0, *rig.numbers]), "one message each"
        said = {(call["status"], call["errorCode"], call.get("info"), call.get("vendorErrorCode")) for call in calls}
        assert said == {("Faulted", error_code, info, None)}
        happens(rig, what, True)
        await rig.advance(7)
        if what in ("smoke", "vibration"):
            await rig.advance(10)
            assert {rig.status(number) for number in rig.numbers} == {"ERROR"}
            assert (await clear_input(rig, what)).ok
        for number in rig.numbers:
            await rig.until(lambda n=number: rig.status(n) in ("READY", "CHARGED"))  # type: ignore[misc]
        await rig.drained()
        await rig.check()


async def test_a_tripped_breaker_ends_its_socket_alone_until_a_technician_came(tmp_path: Path) -> None:
    text = (EXAMPLES / "ac-post.toml").read_text(encoding="utf-8")
    async with Rig(tmp_path, text, change=CHANGE, is_linked=False) as rig:
        await all_charging(rig)
        happens(rig, "rcd-1", False)
        await rig.until_status("ERROR", 1)
        happens(rig, "rcd-1", True)
        await rig.advance(5)
        assert [rig.status(number) for number in rig.numbers] == ["ERROR", "CHARGING", "CHARGING", "CHARGING"]
        assert (await clear_input(rig, "rcd-1")).ok
        await rig.until(lambda: rig.status(1) in ("READY", "CHARGED"))
        happens(rig, "silence", False)  # lids, breakers and the door are not known any more
        await rig.until(lambda: not any(rig.simulated.state().connector(n).contactor_closed for n in rig.numbers), 12)
        await rig.advance(8)
        happens(rig, "silence", True)
        for number in rig.numbers:
            await rig.until(lambda n=number: rig.status(n) in ("READY", "CHARGED"))  # type: ignore[misc]
        await rig.check(is_reported=False)
