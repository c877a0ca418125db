"""What is seen, for tests of the flow: connectors in each stage, without a station."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from chargepoint.messages import ConnectorState, SessionSummary, StationState
from chargepoint.records import Credential
from chargepoint.vocabulary import (
    Cause,
    ConnectorFlag,
    ConnectorStatus,
    ConnectorType,
    ControllerStatus,
    CredentialType,
    HardwareFlag,
    LogicalStatus,
    OperatingMode,
    SessionState,
    StartSource,
    TechnicalStatus,
)
from drivers.interfaces import ControllerReading
from hmi.flow import Rules, first_place, step
from hmi.flow.words import Ask, Changed, Event, Touched, Wish
from hmi.view import Ended, Fitted, Place, Seen, Shop

RULES = Rules()
NO_FLAGS = ConnectorFlag(0)
CARD = Credential("04A2B3C4", CredentialType.RFID)

READING = ControllerReading(
    status=ControllerStatus.A_NOT_CONNECTED, flags=HardwareFlag(0), cause=Cause.NONE, boot_count=1, session_ref=0,
    lease_left_s=0, limit_current_a=0, limit_power_w=0, voltage_v=0, current_a=(0, 0, 0), power_w=0, energy_wh=0,
    elapsed_s=0, ev_requests_energy=False,
)  # fmt: skip


def station(**change: Any) -> StationState:
    state = StationState(
        technical=TechnicalStatus.OK, logical=LogicalStatus.WORKING, mode=OperatingMode.NORMAL, operative=True,
        free_mode=False, can_record=True, connectors=(1, 2), power_limit_w=100_000, power_w=0,
    )  # fmt: skip
    return replace(state, **change)


def connector(
    number: int,
    status: ConnectorStatus = ConnectorStatus.AVAILABLE,
    controller: ControllerStatus = ControllerStatus.A_NOT_CONNECTED,
    *,
    session: int = 0,
    runs: bool = False,
    energy_wh: int = 0,
    flags: ConnectorFlag = NO_FLAGS,
    waiting: bool = False,
    starter: Credential | None = None,
) -> ConnectorState:
    summary = SessionSummary(
        session_id=session, state=SessionState.ACTIVE, start_source=StartSource.LOCAL, starter=starter,
        is_transaction=runs, energy_wh=energy_wh, elapsed_s=60,
    )  # fmt: skip
    return ConnectorState(
        number=number, type=ConnectorType.CCS2, status=status, flags=flags, operative=True,
        reading=replace(READING, status=controller), session=summary if session else None, waiting_for_ev=waiting,
    )  # fmt: skip


def free(number: int) -> ConnectorState:
    return connector(number)


def plugged(number: int) -> ConnectorState:
    return connector(number, ConnectorStatus.READY, ControllerStatus.B_CONNECTED, session=10 + number)


def waiting(number: int) -> ConnectorState:
    return connector(number, ConnectorStatus.WAITING_FOR_EV, session=10 + number, waiting=True)


def preparing(number: int) -> ConnectorState:
    return connector(
        number, ConnectorStatus.CHARGING, ControllerStatus.C2_INSULATION_TEST, session=10 + number, runs=True
    )  # fmt: skip


def charging(number: int, starter: Credential | None = CARD) -> ConnectorState:
    return connector(
        number, ConnectorStatus.CHARGING, ControllerStatus.C6_CHARGING, session=10 + number, runs=True,
        energy_wh=5000, starter=starter,
    )  # fmt: skip


def charged(number: int) -> ConnectorState:
    return connector(
        number, ConnectorStatus.CHARGED, ControllerStatus.B2_FINISHED, session=10 + number, energy_wh=9000
    )  # fmt: skip


def broken(number: int) -> ConnectorState:
    return connector(number, ConnectorStatus.ERROR, ControllerStatus.E3_EV_FAULT, session=10 + number)


def emergency(number: int) -> ConnectorState:
    return connector(number, ConnectorStatus.EMERGENCY_OFF, ControllerStatus.E9_EMERGENCY_STOP)


def blocked(number: int) -> ConnectorState:
    return connector(number, ConnectorStatus.DISABLED, flags=ConnectorFlag.BLOCKED)


def ended(number: int) -> Ended:
    return Ended(session_id=10 + number, connector=number, energy_wh=9000, elapsed_s=1800, ended_s=0.0)


SHOP = Shop(
    station_name="one",
    phone="8 800",
    connectors=(Fitted(1, ConnectorType.CCS2, 1e5, 200), Fitted(2, ConnectorType.CCS2, 1e5, 200)),
)  # fmt: skip


def seen(*connectors: ConnectorState, **change: Any) -> Seen:
    states = {1: free(1), 2: free(2)} | {state.number: state for state in connectors}
    made = Seen(shop=SHOP, station=station(connectors=tuple(sorted(states))), connectors=states)
    return replace(made, **change)


class Walk:
    """A driver at the screen: what he does, what the station says, where that leads. Time passes only by `wait`."""

    def __init__(self, *connectors: ConnectorState, rules: Rules = RULES, **change: Any) -> None:
        self.seen = seen(*connectors, **change)
        self.rules = rules
        self.now_s = 1000.0
        self.place = first_place(rules, self.now_s)
        self.wishes: list[Wish] = []
        self.happens(Changed())

    @property
    def screen(self) -> str:
        return self.place.screen

    def happens(self, event: Event) -> str:
        self.place, wishes = step(self.place, event, self.seen, self.rules, self.now_s)
        self.wishes.extend(wishes)
        return self.place.screen

    def touch(self, *names: str) -> str:
        for name in names:
            self.happens(Touched(name))
        return self.screen

    def see(self, *connectors: ConnectorState, **change: Any) -> str:
        """The station says how these connectors are now; the others are as they were."""
        before = self.seen
        states = before.connectors | {state.number: state for state in connectors}
        since = {n: before.waiting_since_s.get(n, self.now_s) for n, state in states.items() if state.waiting_for_ev}
        self.seen = replace(before, **{"connectors": states, "waiting_since_s": since, **change})
        return self.happens(Changed(before))

    def wait(self, seconds: float) -> str:
        """Time passes, looked at each second."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s = min(end_s, self.now_s + 1.0)
            self.happens(Changed(self.seen))
        return self.screen

    def asked(self, request: type) -> list[Any]:
        """Wishes of this type, oldest first."""
        return [wish.request for wish in self.wishes if isinstance(wish, Ask) and isinstance(wish.request, request)]

    def at(self, place: Place) -> Walk:
        self.place = place
        return self
