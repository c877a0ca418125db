"""What a terminal shows of a station: retained states -> tables. Pure; `demo` and `status` draw with it.

Values that have not been renewed for `OLD_S` are shown as old, never as live. Card numbers are masked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from chargepoint.commands import view_cabinet
from chargepoint.commands.view_cabinet import natural
from chargepoint.journal_text import clean
from chargepoint.masking import mask
from chargepoint.messages import (
    ConnectorState,
    LinkCharge,
    LinkDay,
    LinkStatistics,
    LinkStatus,
    MeterState,
    OcppFrame,
    ServiceState,
    SessionSummary,
    State,
    StationState,
    SupervisorState,
)
from chargepoint.records import Credential, Limit
from chargepoint.vocabulary import ConnectorStatus, CredentialType, LinkState, PowerType

S = TypeVar("S", bound=State)

OLD_S = 5.0
MOST_FRAMES = 15
MOST_STORY = 5
_CARD = re.compile(r'("(?:idTag|parentIdTag)"\s*:\s*")([^"]*)')

STATUS_STYLE: dict[ConnectorStatus, str] = {
    ConnectorStatus.AVAILABLE: "green",
    ConnectorStatus.WAITING_FOR_EV: "green",
    ConnectorStatus.READY: "green",
    ConnectorStatus.CHARGING: "bold bright_blue",
    ConnectorStatus.CHARGED: "bold",
    ConnectorStatus.EMERGENCY_OFF: "bold red",
    ConnectorStatus.DISABLED: "red",
    ConnectorStatus.ERROR: "bold red",
    ConnectorStatus.UNAVAILABLE: "bright_black",
    ConnectorStatus.NO_POWER: "bright_black",
    ConnectorStatus.METER_ERROR: "bold red",
    ConnectorStatus.UPDATING: "yellow",
}
"""Colours of statuses.md section 2."""

SERVICE_STYLE = {
    "running": "green",
    "starting": "yellow",
    "restarting": "yellow",
    "hung": "red",
    "parked": "bold red",
    "resting": "dim",
}
LINK_STYLE = {LinkState.ONLINE: "green", LinkState.CONNECTING: "yellow", LinkState.OFFLINE: "bold red"}


@dataclass(frozen=True)
class Scene:
    """Everything that is drawn. `states` by topic; `now_mono_s` on the station's monotonic clock."""

    title: str
    states: Mapping[str, State]
    now_mono_s: float
    frames: Sequence[OcppFrame] = field(default=())
    story: Sequence[str] = field(default=())
    hint: str = ""


def whole(scene: Scene) -> RenderableType:
    """The whole screen."""
    parts: list[RenderableType] = [header(scene), connectors(scene), _side_by_side(scene)]
    parts += view_cabinet.lines(scene.states, scene.now_mono_s)
    parts.append(link(scene))
    if scene.frames:
        parts.append(traffic(scene.frames))
    parts += [words(f"  {line}", "italic") for line in scene.story[-MOST_STORY:]]
    if scene.hint:
        parts += [words(line, "bright_black") for line in scene.hint.splitlines()]
    return Group(*parts)


def header(scene: Scene) -> Text:
    """One line: who, how it is, what it takes of what it may."""
    line = words(scene.title, "bold")
    station = _one(scene, "station", StationState)
    if station is None:
        return line.append("  the station has not said anything yet", style="yellow")
    line.append(f"  {station.technical.value} · {station.logical.value} · {station.mode.value}", style="not bold")
    line.append(f" · {_kw(station.power_w)} of {_kw(station.power_limit_w)} kW", style="not bold")
    for holds, what in (
        (station.free_mode, "free mode"),
        (not station.operative, "inoperative"),
        (not station.can_record, "cannot record: no new charges"),
    ):
        if holds:
            line.append(f" · {what}", style="yellow")
    supervisor = _one(scene, "supervisor", SupervisorState)
    if supervisor is not None:
        line.append(
            f" · version {clean(supervisor.version)}, started by {supervisor.start_cause.value}", style="not bold"
        )
        if supervisor.is_degraded:
            line.append(" · DEGRADED", style="bold red")
    return line


def connectors(scene: Scene) -> Table:
    """One row a connector."""
    table = _table("#", "type", "status", "ctl", "kW", "kWh", "SoC", "time", "session", "who", "why this limit")
    for column in (4, 5, 6, 7):
        table.columns[column].justify = "right"
    for state in _all(scene, "connector/", ConnectorState):
        _add(table, *_connector_cells(state, scene.now_mono_s))
    return table


def _connector_cells(state: ConnectorState, now_s: float) -> Iterator[str | Text]:
    reading, session = state.reading, state.session
    is_old = reading is not None and now_s - state.reading_mono_s > OLD_S
    yield str(state.number)
    yield state.type.value
    yield words(status_words(state), STATUS_STYLE[state.status])
    if reading is None:
        yield "-"
        yield "-"
    else:
        yield Text(f"{reading.status.value}?" if is_old else reading.status.value, style="red" if is_old else "")
        yield f"old {now_s - state.reading_mono_s:.0f} s" if is_old else _kw(power_w(state))
    if session is None:
        yield from ("", _soc(state), "", "", "")
    else:
        yield f"{session.energy_wh / 1000:.3f}"
        yield _soc(state)
        yield _duration(session.elapsed_s)
        yield str(session.session_id)
        yield who(session)
    yield limit_words(state)


def status_words(state: ConnectorState) -> str:
    """The status with what explains it: who suspends, which fault, whether it is blocked."""
    parts: list[str] = [state.status.value]
    if state.suspended_by:
        parts.append(f"(pause: {state.suspended_by})")
    if state.cause and state.cause != "none":
        parts.append(f"({state.cause})")
    if not state.operative:
        parts.append("(out of operation)")
    return " ".join(parts)


def power_w(state: ConnectorState) -> float:
    """What flows now, by the meter where it has been read, else by the controller."""
    if state.meter is not None:
        return state.meter.power_w
    return 0.0 if state.reading is None else state.reading.power_w


def limit_words(state: ConnectorState) -> str:
    """ "32 A, cable": how much and who says so; only while somebody charges or may."""
    limit: Limit | None = state.grant or state.limit
    if limit is None or state.session is None:
        return ""
    amount = f"{_kw(limit.power_w)} kW" if state.type.power_type is PowerType.DC else f"{limit.current_a:.1f} A"
    return f"{amount}, {limit.source}"


def who(session: SessionSummary) -> str:
    """The starter, masked, and the door they came through."""
    source = "" if session.start_source is None else session.start_source.value
    return " ".join(filter(None, (_masked(session.starter), source)))


def _masked(credential: Credential | None) -> str:
    if credential is None:
        return ""
    if credential.type in (CredentialType.STAND_IN, CredentialType.LOGIN):
        return credential.value
    return mask(credential.value)


def meters(scene: Scene) -> Table:
    """One row a meter."""
    table = _table("meter", "of", "kWh", "kW", "A")
    for column in (2, 3, 4):
        table.columns[column].justify = "right"
    for state in _all(scene, "meter/", MeterState):
        reading = state.reading
        place = "station" if state.connector == 0 else f"connector {state.connector}"
        if reading is None or not state.is_answering:
            silent = "silent" if reading is None else f"silent {scene.now_mono_s - state.mono_s:.0f} s"
            _add(table, state.name, place, Text(silent, style="bold red"), "", "")
            continue
        current = "-" if reading.current_a is None else f"{max(reading.current_a):.1f}"
        _add(table, state.name, place, f"{reading.energy_wh / 1000:.3f}", _kw(reading.power_w), current)
    return table


def services(scene: Scene) -> Table:
    """One row a service."""
    table = _table("service", "status", "pid", "restarts", "MiB", "last end")
    for column in (2, 3, 4):
        table.columns[column].justify = "right"
    for state in _all(scene, "service/", ServiceState):
        _add(
            table,
            state.name,
            words(state.status, SERVICE_STYLE.get(state.status, "")),
            str(state.pid or ""),
            str(state.restarts),
            f"{state.memory_bytes / 2**20:.1f}" if state.memory_bytes else "",
            state.last_end,
        )
    return table


def link(scene: Scene) -> Text:
    """One line about the central system."""
    status = _one(scene, "link", LinkStatus)
    line = words("central system  ")
    if status is None:
        return line.append("nothing known yet", style="yellow")
    line.append(status.state.value, style=LINK_STYLE.get(status.state, ""))
    line.append(f" {clean(status.url)}".rstrip())
    if status.registration:
        line.append(f" · boot {clean(status.registration)}")
    for count, what, style in (
        (status.queued, "queued", "yellow" if status.queued else ""),
        (status.parked, "parked", "bold red" if status.parked else ""),
        (status.sent, "sent", ""),
        (status.received, "received", ""),
    ):
        line.append(f" · {count} {what}", style=style)
    if status.last_error and status.state is not LinkState.ONLINE:
        error = status.last_error.removeprefix(f"{status.url}: ").removeprefix(f"{status.url} ")
        line.append(f"\nlast error  {clean(error)}", style="red")
    statistics = _one(scene, "link/statistics", LinkStatistics)
    if statistics is not None and statistics.days:
        line.append(f"\n{link_day(statistics.days[0])}", style="bright_black")
        for charge in statistics.charges:
            if charge.outages and charge.session_id in _running(scene):
                line.append(f"\n{link_charge(charge)}", style="bright_black")
    return line


def link_day(day: LinkDay) -> str:
    """The link on one day, as a line."""
    connections, outages = _counted(day.connections, "connection"), _counted(day.outages, "outage")
    return (
        f"link on {day.day} (UTC)  {connections} · {outages}, {day.outage_s // 60} min · "
        f"{day.sent} sent, {day.sent_bytes / 1000:.1f} kB · {day.received} received, {day.received_bytes / 1000:.1f} kB"
    )


def link_charge(charge: LinkCharge) -> str:
    """The link while one charge runs, as a line."""
    return (
        f"link in session {charge.session_id}  {_counted(charge.outages, 'outage')}, {charge.outage_s // 60} min · "
        f"{charge.sent_bytes / 1000:.1f} kB sent · {charge.received_bytes / 1000:.1f} kB received"
    )


def _running(scene: Scene) -> set[int]:
    """The sessions whose transactions run now."""
    sessions = (state.session for state in _all(scene, "connector/", ConnectorState))
    return {session.session_id for session in sessions if session is not None and session.is_transaction}


def traffic(frames: Sequence[OcppFrame]) -> Panel:
    """The last frames of the exchange with the central system."""
    lines = [frame_line(frame) for frame in frames[-MOST_FRAMES:]]
    return Panel(Group(*lines), title="OCPP", title_align="left", box=box.ROUNDED, padding=(0, 1))


def frame_line(frame: OcppFrame) -> Text:
    """ "→ StartTransaction {...}" with the time an answer took."""
    is_out = frame.direction == "out"
    line = words("→ " if is_out else "← ", "cyan" if is_out else "magenta")
    line.append(clean(frame.action), style="bold")
    if frame.latency_s is not None:
        line.append(f" {frame.latency_s * 1000:.1f} ms", style="bright_black")
    return line.append(f" {without_cards(clean(frame.text))}", style="bright_black")


def without_cards(text: str) -> str:
    """The text of a frame with the card numbers in it masked as everywhere."""
    return _CARD.sub(lambda found: f"{found[1]}{mask(found[2])}", text)


def words(text: str, style: str = "") -> Text:
    """One line of words: no markup, nothing that steers the terminal, cut with an ellipsis where room ends."""
    return Text(clean(text), style=style, no_wrap=True, overflow="ellipsis")


def _side_by_side(scene: Scene) -> Table:
    grid = Table.grid(padding=(0, 3))
    grid.add_row(meters(scene), services(scene))
    return grid


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bright_black", padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(column, no_wrap=True, overflow="ellipsis")
    return table


def _add(table: Table, *cells: str | Text) -> None:
    table.add_row(*(words(cell) if isinstance(cell, str) else cell for cell in cells))


def _one(scene: Scene, topic: str, kind: type[S]) -> S | None:
    state = scene.states.get(topic)
    return state if isinstance(state, kind) else None


def _all(scene: Scene, prefix: str, kind: type[S]) -> list[S]:
    """The states under a prefix, by the alphabet; numbers in their names by size."""
    topics = [topic for topic, state in scene.states.items() if topic.startswith(prefix) and isinstance(state, kind)]
    return [state for topic in sorted(topics, key=natural) if isinstance(state := scene.states[topic], kind)]


def _kw(power: float) -> str:
    return f"{power / 1000:.1f}"


def _soc(state: ConnectorState) -> str:
    if state.reading is None or state.reading.soc_pct is None or state.session is None:
        return ""
    return f"{state.reading.soc_pct:.0f} %"


def _duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
