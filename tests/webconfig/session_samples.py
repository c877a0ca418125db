"""Sessions, a history and a journal for the tests of the pages that show them."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from chargepoint.messages import (
    ActionResult,
    AmendSession,
    DumpPage,
    HistoryPage,
    JournalPage,
    ReadDump,
    ReadHistory,
    ReadJournal,
    ReadSessions,
    SessionsPage,
)
from chargepoint.records import (
    AnyEntry,
    Credential,
    Happened,
    HistoryRow,
    JournalRow,
    Limit,
    Moment,
    PriceData,
    Session,
    SessionCreated,
    SessionFinished,
    TransactionStarted,
    TransactionStopped,
)
from chargepoint.vocabulary import (
    AuthorizationBasis,
    ConnectorType,
    CredentialType,
    EventType,
    PowerType,
    SessionFlag,
    SessionState,
    StartSource,
    StopSource,
)
from drivers.interfaces import VehicleData

MAY = datetime(2026, 5, 31, 8, 0, tzinfo=UTC)
EVIL = '=HYPERLINK("http://evil")'


def moment(after_s: float) -> Moment:
    return Moment("boot-1", after_s, MAY + timedelta(seconds=after_s))


def session(number: int, after_s: float = 0.0, minutes: float = 40.0, **changes: object) -> Session:
    found = Session(
        session_id=number,
        connector=1,
        connector_type=ConnectorType.CCS2,
        power_type=PowerType.DC,
        created=moment(after_s),
        started=moment(after_s + 20),
        stopped=moment(after_s + 20 + minutes * 60),
        finished=moment(after_s + 80 + minutes * 60),
        state=SessionState.SUCCESS,
        start_source=StartSource.LOCAL,
        starter=Credential("04A1B2C3D4", CredentialType.RFID),
        stop_source=StopSource.EV_CHARGED,
        is_reported=True,
        flags=SessionFlag.OCPPSession,
        delivered_wh=31_250,
        meter_start_wh=1_000_000,
        meter_stop_wh=1_031_250,
        price=PriceData("EUR", per_kwh=45, total=1406),
        soc_start_pct=20.0,
        soc_end_pct=80.0,
        current_min_a=12.0,
        current_max_a=210.5,
        power_max_w=84_000.0,
        voltage_max_v=402.0,
        vehicle=VehicleData(uid="WVWZZZ12345678901", battery_capacity_wh=77_000),
        last_limit=Limit(200.0, 60_000.0, "user"),
        charge_rate_pct_per_min=1.5,
    )
    for name, value in changes.items():
        setattr(found, name, value)
    return found


def history(number: int, count: int, after_s: float = 20.0, is_ac: bool = False) -> list[HistoryRow]:
    """A row each 15 s: power rises, is limited, falls; one peak in a single row."""
    rows = []
    for n in range(count):
        part = n / max(count - 1, 1)
        power = 84_000 * (1 - 0.75 * max(0.0, part - 0.4) / 0.6) * min(1.0, n / 4) + 900 * math.sin(n / 7)
        power = 99_000.0 if n == count // 3 else power
        dc: dict[str, Any] = {} if is_ac else {
            "requested_voltage_v": 405.0, "requested_current_a": power / 390, "soc_pct": 20 + 60 * part,
            "insulation_kohm": 900 + n % 40, "insulation_errors": 0, "u_plus_v": 198.0 + n % 3, "u_minus_v": 200.0,
            "module_temperature_c": 40 + 20 * part,
        }  # fmt: skip
        rows.append(
            HistoryRow(
                session_id=number, connector=1, moment=moment(after_s + 15 * n), energy_wh=int(31_250 * part),
                power_w=max(power, 0.0), voltage_v=380 + 20 * part, current_a=(max(power, 0.0) / 390, 0.0, 0.0),
                limit_power_w=60_000.0 if 0.5 < part < 0.7 else 90_000.0,
                limit_source="user" if 0.5 < part < 0.7 else "hardware", connector_temperature_c=30 + 15 * part, **dc,
            )
        )  # fmt: skip
    return rows


def journal(number: int, minutes: float = 40.0, connector: int = 1) -> list[JournalRow]:
    begin: dict[str, Any] = {"session_id": number, "connector": connector}
    found: list[tuple[float, AnyEntry]] = [
        (0.0, SessionCreated(**begin, connector_type=ConnectorType.CCS2)),
        (
            20.0,
            TransactionStarted(
                **begin, start_source=StartSource.LOCAL, starter=Credential("04A1B2C3D4", CredentialType.RFID),
                is_reported=True, basis=AuthorizationBasis.LOCAL_LIST, flags=SessionFlag.OCPPSession,
                meter_start_wh=1_000_000,
            ),
        ),
        (minutes * 30, Happened(**begin, event_type=EventType.CONNECTOR_STATE, action="Latched", error="E7_OVERHEAT")),
        (
            20 + minutes * 60,
            TransactionStopped(
                **begin, stop_source=StopSource.EV_CHARGED, stopper=None, is_reported=True, meter_stop_wh=1_031_250
            ),
        ),
        (80 + minutes * 60, SessionFinished(**begin, state=SessionState.SUCCESS)),
    ]  # fmt: skip
    return [JournalRow(number + n, moment(after_s), entry) for n, (after_s, entry) in enumerate(found)]


class Records:
    """Answers in the place of the station."""

    def __init__(self, sessions: list[Session], rows: dict[int, list[HistoryRow]]) -> None:
        self.sessions = sessions
        self.rows = rows
        self.asked: list[ReadSessions] = []
        self.amended: list[AmendSession] = []
        self.dump = [f"{n:6} {EVIL if n == 3 else 'CAN 18F0F456 01 02'}" for n in range(1200)]

    def answers(self) -> dict[type[Any], Callable[[Any], Any]]:
        return {ReadSessions: self.read_sessions, ReadHistory: self.read_history, ReadJournal: self.read_journal,
                ReadDump: self.read_dump, AmendSession: self.amend}  # fmt: skip

    def read_sessions(self, request: ReadSessions) -> SessionsPage:
        self.asked.append(request)
        found = [
            one
            for one in sorted(self.sessions, key=lambda one: -one.session_id)
            if (not request.session_ids or one.session_id in request.session_ids)
            and (request.before is None or one.session_id < request.before)
            and (request.connector is None or one.connector == request.connector)
        ]
        limit = min(request.limit, 25)  # the station may give less than was asked for
        page = found[:limit]
        more = page[-1].session_id if len(found) > limit else None
        return SessionsPage(sessions=tuple(page), next_before=more, count=len(found) if request.with_count else None)

    def read_history(self, request: ReadHistory) -> HistoryPage:
        rows = self.rows.get(request.session_id, [])
        end = request.before or len(rows)
        first = max(0, end - 500)
        return HistoryPage(rows=tuple(rows[first:end]), before=first)

    def read_journal(self, request: ReadJournal) -> JournalPage:
        rows = tuple(journal(request.session_id or 0)) if request.session_id else ()
        rows = tuple(row for row in rows if row.seq > request.after_seq)
        return JournalPage(rows=rows, read_to=10_000, last_seq=10_000)

    def read_dump(self, request: ReadDump) -> DumpPage:
        return DumpPage(lines=tuple(self.dump[request.after : request.after + request.limit]), total=len(self.dump))

    def amend(self, request: AmendSession) -> ActionResult:
        self.amended.append(request)
        if request.state is not None and not request.comment:
            return ActionResult(ok=False, code="comment_needed", text="Say why.")
        return ActionResult(ok=True, code="ok")
