"""What a station test sees, and what it says."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from chargepoint.config import Settings
from chargepoint.messages import ConnectorState, Finding, Reply, Request, State
from chargepoint.vocabulary import ConnectorType

S = TypeVar("S", bound=State)
R = TypeVar("R", bound=Reply)

PASSED, WARNING, FAILED, SKIPPED, NOT_FITTED = "passed", "warning", "failed", "skipped", "not_fitted"
STALE_S = 10.0
"""What was told longer ago than this is not how it is now."""


class Unanswered(Exception):
    """A service did not answer; `service` is its name."""

    def __init__(self, service: str) -> None:
        super().__init__(service)
        self.service = service


@dataclass(frozen=True)
class Register:
    """What is remembered of a meter's register while the service runs (`diag/registers.py`). `unmoved_wh`: so much
    should have been counted since it last moved; `fell_wh`: by how much it fell, 0: it never did."""

    unmoved_wh: float = 0.0
    fell_wh: int = 0


async def nobody(service: str, request: Request[Any], timeout_s: float) -> Reply:
    """Asks nobody: for tests that need no call."""
    raise Unanswered(service)


@dataclass(frozen=True, kw_only=True)
class Look:
    """The station at one moment: what was told on the bus, a few calls with deadlines, the files of the kernel.

    `now_s` is monotonic, `now` the wall time (None: not known). `data` is the folder of `diag` itself. `sys` and `proc`
    are those of the kernel. `logs_bytes` is what lies in the folder of logs, None: there is none. `tree` is a tree of
    software, None: the one that runs. `alone`: the one subject that is asked about (KIND/NAME), empty: all.
    """

    states: Mapping[str, State]
    settings: Settings
    data: Path
    now_s: float
    now: datetime | None = None
    ask_service: Callable[[str, Request[Any], float], Awaitable[Reply]] = nobody
    registers: Mapping[str, Register] = field(default_factory=dict)
    sys: Path = Path("/sys")
    proc: Path = Path("/proc")
    logs_bytes: int | None = None
    tree: Path | None = None
    alone: str = ""

    def state(self, topic: str, kind: type[S]) -> S | None:
        """What was told last on `topic`."""
        found = self.states.get(topic)
        return found if isinstance(found, kind) else None

    def all_of(self, kind: type[S]) -> list[S]:
        """All states of one kind, by topic."""
        return [state for _, state in sorted(self.states.items()) if isinstance(state, kind)]

    async def ask(self, service: str, request: Request[R], timeout_s: float = 4.0) -> R:
        """Raises Unanswered."""
        reply: R = await self.ask_service(service, request, timeout_s)  # type: ignore[assignment]
        return reply

    def connectors(self) -> list[ConnectorState]:
        return self.all_of(ConnectorState)

    def is_busy(self, number: int) -> bool:
        """Whether a car is or may be at connector `number` (0: at any). Nothing known: it may."""
        known = {state.number: state for state in self.connectors()}
        wanted = [each.number for each in self.settings.connector] if number == 0 else [number]
        return any(_has_car(known.get(each)) for each in wanted)

    def type_of(self, number: int) -> ConnectorType | None:
        return next((each.type for each in self.settings.connector if each.number == number), None)


def _has_car(state: ConnectorState | None) -> bool:
    if state is None or state.reading is None:
        return True
    return state.session is not None or state.reading.status.is_connected or state.reading.status.is_charging


@dataclass(frozen=True, kw_only=True)
class Check:
    """A station test. `kinds` are those of the subjects it names, as `meter` of `meter/main`. `limit_s`: it is broken
    off then. `page`: the screen of the service menu that repairs what it finds."""

    name: str
    run: Callable[[Look], Awaitable[list[Finding]]]
    kinds: tuple[str, ...] = ()
    limit_s: float = 2.0
    page: str = ""
    is_test: bool = False
    """A device does something for it: only when a person has asked for tests."""
    needs_idle: bool = False
    """Leaves out connectors with a car (`skipped`, code car_connected)."""


def said(verdict: str, code: str, subject: str = "", /, **values: object) -> Finding:
    """A finding; the name of the check and its page are filled in by who runs it."""
    told = {name: f"{value:g}" if isinstance(value, float) else str(value)[:200] for name, value in values.items()}
    return Finding(check="", subject=subject, verdict=verdict, code=code, values=told)


def passed(subject: str = "", code: str = "ok", /, **values: object) -> Finding:
    return said(PASSED, code, subject, **values)


def warning(code: str, subject: str = "", /, **values: object) -> Finding:
    return said(WARNING, code, subject, **values)


def failed(code: str, subject: str = "", /, **values: object) -> Finding:
    return said(FAILED, code, subject, **values)


def skipped(code: str, subject: str = "", /, **values: object) -> Finding:
    return said(SKIPPED, code, subject, **values)


def not_fitted(subject: str = "") -> Finding:
    return said(NOT_FITTED, "not_fitted", subject)


def whole(value: float | None, digits: int = 0) -> str:
    """A measured value for people; a question mark for what is none."""
    return "?" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"
