"""What becomes of sessions left unfinished."""

from typing import Any

import pytest

from chargepoint.records import Moment, Session
from chargepoint.station.connector import Phase
from chargepoint.station.recovery import Fate, recover
from chargepoint.vocabulary import Cause, ConnectorType, HardwareFlag, PowerType, StopSource
from tests.chargepoint.station.readings import reading

NOW = Moment("boot-1", 10.0)


def session(**values: Any) -> Session:
    return Session(
        session_id=7, connector=1, connector_type=ConnectorType.CCS2, power_type=PowerType.DC, created=NOW, **values
    )


RUNNING = {"started": NOW}
ENDED = {"started": NOW, "stopped": NOW}
WAITING = RUNNING | {"waits_for_vehicle": True}
LOCKED = HardwareFlag.CONNECTOR_LOCKED | HardwareFlag.PRECHECK_DONE


@pytest.mark.parametrize(
    ("record", "status", "values", "same_boot", "fate", "phase", "source"),
    [
        (RUNNING, "C6", {"session_ref": 7}, True, Fate.ADOPT, Phase.CHARGING, None),
        (RUNNING, "B", {"session_ref": 7}, True, Fate.ADOPT, Phase.STARTING, None),
        (RUNNING, "B2", {"cause": Cause.LEASE_ENDED}, True, Fate.RESUME, Phase.STARTING, None),
        (RUNNING, "B2", {}, True, Fate.STOP, Phase.STOPPING, StopSource.APP_RESTART),
        (RUNNING, "C6", {"session_ref": 8}, True, Fate.STOP, Phase.STOPPING, StopSource.APP_RESTART),
        (RUNNING, "A", {}, True, Fate.STOP, Phase.STOPPING, StopSource.APP_RESTART),
        (RUNNING, "E3", {"session_ref": 7}, True, Fate.STOP, Phase.STOPPING, StopSource.APP_RESTART),
        (RUNNING, "C6", {"session_ref": 7}, False, Fate.STOP, Phase.STOPPING, StopSource.POWER_LOSS),
        (RUNNING, "A", {}, False, Fate.STOP, Phase.STOPPING, StopSource.POWER_LOSS),
        ({}, "B", {}, True, Fate.WAIT, Phase.PLUGGED, None),
        ({}, "B", {}, False, Fate.WAIT, Phase.PLUGGED, None),
        ({}, "A", {}, True, Fate.FINISH, Phase.EMPTY, None),
        (ENDED, "B2", {}, True, Fate.WAIT, Phase.CHARGED, None),
        (ENDED, "A", {}, False, Fate.FINISH, Phase.EMPTY, None),
        (WAITING, "A", {}, True, Fate.AWAY, Phase.AWAY, None),
        (WAITING, "B", {}, True, Fate.AWAY, Phase.AWAY, None),  # it came back meanwhile
        (WAITING, "C6", {"session_ref": 7}, True, Fate.ADOPT, Phase.CHARGING, None),
        (WAITING, "C6", {"session_ref": 8}, True, Fate.STOP, Phase.STOPPING, StopSource.APP_RESTART),
        (WAITING, "B2", {}, True, Fate.STOP, Phase.STOPPING, StopSource.APP_RESTART),
        (WAITING, "A", {}, False, Fate.STOP, Phase.STOPPING, StopSource.POWER_LOSS),
        (ENDED | {"keeps_cable": True}, "A", {"flags": LOCKED}, True, Fate.WAIT, Phase.CHARGED, None),
        (ENDED | {"keeps_cable": True}, "A", {}, True, Fate.FINISH, Phase.EMPTY, None),
        (ENDED, "A", {"flags": LOCKED}, True, Fate.FINISH, Phase.EMPTY, None),
    ],
)
def test_fate(
    record: dict[str, Any], status: str, values: dict[str, Any], same_boot: bool, fate: Fate, phase: Phase,
    source: StopSource | None,
) -> None:  # fmt: skip
    verdict = recover(
        session(**record), reading(status, **values), same_boot=same_boot, may_resume=True, ignore_flag=False
    )
    assert (verdict.fate, verdict.phase, verdict.stop_source) == (fate, phase, source)


def test_nothing_is_resumed_where_that_is_switched_off() -> None:
    verdict = recover(
        session(**RUNNING), reading("C6", session_ref=7), same_boot=True, may_resume=False, ignore_flag=False
    )
    assert verdict.stop_source is StopSource.APP_RESTART


def test_a_silent_controller_ends_the_transaction() -> None:
    verdict = recover(session(**RUNNING), None, same_boot=True, may_resume=True, ignore_flag=False)
    assert (verdict.fate, verdict.phase) == (Fate.STOP, Phase.STOPPING)


@pytest.mark.parametrize(
    ("status", "values"),
    [("C6", {"session_ref": 7}), ("B2", {"cause": Cause.LEASE_ENDED}), ("A", {}), ("B", {})],
)
def test_nothing_goes_on_behind_a_latched_fault(status: str, values: dict[str, Any]) -> None:
    verdict = recover(
        session(**WAITING), reading(status, **values), same_boot=True, may_resume=True, ignore_flag=False,
        is_latched=True,
    )  # fmt: skip
    assert (verdict.fate, verdict.stop_source) == (Fate.STOP, StopSource.CONNECTOR_ERROR)


@pytest.mark.parametrize(
    ("status", "values"),
    [("C6", {"session_ref": 7}), ("B2", {"cause": Cause.LEASE_ENDED}), ("A", {})],
)
def test_nothing_goes_on_that_is_held_or_was_a_test(status: str, values: dict[str, Any]) -> None:
    def verdict(**more: Any) -> tuple[Fate, StopSource | None]:
        found = recover(
            session(**WAITING), reading(status, **values), same_boot=True, may_resume=True, ignore_flag=False, **more
        )
        return found.fate, found.stop_source

    assert verdict(held_by=StopSource.EMERGENCY_STOP) == (Fate.STOP, StopSource.EMERGENCY_STOP)
    assert verdict(is_test=True) == (Fate.STOP, StopSource.TECHNICIAN)
    assert verdict(held_by=StopSource.EMERGENCY_STOP, is_test=True) == (Fate.STOP, StopSource.EMERGENCY_STOP)


def test_what_ended_before_keeps_its_reason_behind_a_hold() -> None:
    stopping = session(**RUNNING, stop_source=StopSource.LOCAL)
    verdict = recover(
        stopping, reading("C6", session_ref=7), same_boot=True, may_resume=True, ignore_flag=False,
        held_by=StopSource.EMERGENCY_STOP,
    )  # fmt: skip
    assert (verdict.fate, verdict.stop_source) == (Fate.STOP, StopSource.LOCAL)
