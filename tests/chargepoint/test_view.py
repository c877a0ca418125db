"""What the terminal shows of a station: golden pictures of tables, and the rules behind them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from chargepoint.commands import view
from chargepoint.commands.plain import Teller
from chargepoint.messages import (
    ClimateSensorState,
    ClimateState,
    ConnectorState,
    InputState,
    LinkCharge,
    LinkDay,
    LinkStatistics,
    LinkStatus,
    MeterState,
    ModulesState,
    OcppFrame,
    ServiceState,
    SessionSummary,
    State,
    StationState,
    SupervisorState,
)
from chargepoint.records import Credential, Limit
from chargepoint.vocabulary import (
    Cause,
    ClimateZone,
    ConnectorFlag,
    ConnectorStatus,
    ConnectorType,
    ControllerStatus,
    CredentialType,
    HardwareFlag,
    InputFunction,
    LinkState,
    LogicalStatus,
    OperatingMode,
    SessionState,
    StartCause,
    StartSource,
    TechnicalStatus,
)
from drivers.interfaces import ControllerReading, MeterReading, ModuleReading

NOW_S = 1000.0


def reading(status: ControllerStatus, **changes: Any) -> ControllerReading:
    usual: dict[str, Any] = {
        "flags": HardwareFlag(0), "cause": Cause.NONE, "boot_count": 1, "session_ref": 0, "lease_left_s": 5.0,
        "limit_current_a": 0.0, "limit_power_w": 0.0, "voltage_v": 0.0, "current_a": (0.0, 0.0, 0.0), "power_w": 0.0,
        "energy_wh": 0, "elapsed_s": 0, "ev_requests_energy": False,
    }  # fmt: skip
    return ControllerReading(status=status, **(usual | changes))


def connector(number: int, **changes: Any) -> ConnectorState:
    usual: dict[str, Any] = {
        "type": ConnectorType.CCS2, "status": ConnectorStatus.AVAILABLE, "flags": ConnectorFlag(0), "operative": True,
        "reading": reading(ControllerStatus.A_NOT_CONNECTED), "reading_mono_s": NOW_S - 0.4,
    }  # fmt: skip
    return ConnectorState(number=number, **(usual | changes))


def session(number: int, id_tag: str = "04A2B3C4", **changes: Any) -> SessionSummary:
    usual: dict[str, Any] = {
        "state": SessionState.ACTIVE, "start_source": StartSource.LOCAL, "energy_wh": 12_345, "elapsed_s": 754,
        "starter": Credential(id_tag, CredentialType.RFID), "is_transaction": True,
    }  # fmt: skip
    return SessionSummary(session_id=number, **(usual | changes))


def charging(number: int) -> ConnectorState:
    return connector(
        number,
        status=ConnectorStatus.CHARGING,
        reading=reading(ControllerStatus.C6_CHARGING, power_w=49_000.0, soc_pct=63.4),
        meter=MeterReading(energy_wh=50_000, power_w=48_700.0, voltage_v=(398.0, 0, 0), current_a=(122.4, 0, 0)),
        session=session(31),
        limit=Limit(125.0, 50_000.0, "connector"),
        grant=Limit(125.0, 48_800.0, "station"),
    )


STATES: dict[str, State] = {
    "station": StationState(
        technical=TechnicalStatus.OK, logical=LogicalStatus.WORKING, mode=OperatingMode.NORMAL, operative=True,
        free_mode=False, can_record=True, connectors=(1, 2, 4, 10), power_limit_w=110_000, power_w=55_100,
    ),
    "supervisor": SupervisorState(
        start_cause=StartCause.POWER_ON, boots=3, crashes=0, is_degraded=False, version="0.1.0"
    ),
    "connector/10": connector(10, status=ConnectorStatus.ERROR, cause="contactor_welded",
                              reading=reading(ControllerStatus.E6_ELECTROMECHANICAL)),
    "connector/4": connector(
        4, type=ConnectorType.TYPE2, status=ConnectorStatus.CHARGING, suspended_by="ev",
        reading=reading(ControllerStatus.C6_CHARGING), reading_mono_s=NOW_S - 12.0,
        session=session(32, start_source=StartSource.OCPP_REMOTE, energy_wh=900, elapsed_s=4000),
        limit=Limit(32.0, 22_080.0, "cable"), grant=Limit(16.0, 11_040.0, "sharing"),
    ),
    "connector/2": charging(2),
    "connector/1": connector(1),
    "meter/main": MeterState(
        name="main", connector=0, is_answering=True, mono_s=NOW_S,
        reading=MeterReading(
            energy_wh=1_234_567, power_w=55_100.0, voltage_v=(230, 230, 230), current_a=(80, 79.5, 81.2)
        ),
    ),
    "input/smoke": InputState(name="smoke", function=InputFunction.SMOKE, is_active=False, is_latched=True),
    "climate": ClimateState(
        sensors=(ClimateSensorState("front", ClimateZone.FRONT, True, 52.0, 20.0),), fans=(ClimateZone.FRONT,),
        power_pct=80.0, why="front is hot",
    ),
    "modules/bank": ModulesState(
        name="bank", connector=2,
        modules=(
            ModuleReading(number=0, is_online=True, is_on=True, temperature_c=48.0),
            ModuleReading(number=1, is_online=False),
        ),
    ),
    "meter/type2": MeterState(name="type2", connector=4, is_answering=False, mono_s=NOW_S - 42, reading=None),
    "service/station": ServiceState(
        name="station", status="running", pid=4711, restarts=1, since_mono_s=1.0, last_end="signal 9",
        memory_bytes=25 * 2**20,
    ),
    "service/ocpp": ServiceState(name="ocpp", status="parked", pid=0, restarts=6, since_mono_s=1.0),
    "link": LinkStatus(
        state=LinkState.OFFLINE, url="ws://127.0.0.1:9160/ocpp/demo-1", registration="Accepted", queued=3, parked=1,
        sent=17, received=16, last_error="connection refused",
    ),
}  # fmt: skip

FRAMES = (
    OcppFrame(direction="out", action="StartTransaction", text='{"connectorId":2,"idTag":"04A2B3C4"}'),
    OcppFrame(direction="in", action="StartTransaction", text='{"transactionId":700001}\n\x1b[31m', latency_s=0.0042),
)

GOLDEN = Path(__file__).parent.parent / "cases" / "view.txt"
"""How `STATES` look on a terminal of 130 columns."""


def drawn(renderable: RenderableType, width: int = 130) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(renderable)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())  # type: ignore[attr-defined]


def scene(**changes: Any) -> view.Scene:
    usual: dict[str, Any] = {"title": "demo-1", "states": STATES, "now_mono_s": NOW_S, "frames": FRAMES}
    return view.Scene(**(usual | changes))


def test_the_whole_screen_looks_like_this() -> None:
    text = drawn(view.whole(scene(story=("car at connector 2", "card ··B3C4"), hint="Ctrl-C ends")))
    assert text == GOLDEN.read_text().rstrip("\n")


def drawn_row(state: ConnectorState) -> str:
    return drawn(view.connectors(scene(states={f"connector/{state.number}": state}))).splitlines()[-1]


def test_values_that_are_no_longer_renewed_are_shown_as_old() -> None:
    live = charging(2)
    old = ConnectorState(
        **{name: getattr(live, name) for name in live.__struct_fields__} | {"reading_mono_s": NOW_S - 9}
    )
    assert "48.7" in drawn_row(live)
    assert "old 9 s" in drawn_row(old)
    assert "48.7" not in drawn_row(old)


def test_card_numbers_are_masked_and_names_are_not() -> None:
    assert "04A2B3C4" not in drawn(view.whole(scene()))
    named = session(1, starter=Credential("FREE", CredentialType.STAND_IN))
    assert view.who(named) == "FREE LOCAL"


def test_card_numbers_in_frames_are_masked_wherever_they_stand() -> None:
    text = '{"idTag": "04A2B3C4", "idTagInfo": {"parentIdTag":"GROUP77"}, "value": "04A2B3C4"}'
    masked = '{"idTag": "··B3C4", "idTagInfo": {"parentIdTag":"··UP77"}, "value": "04A2B3C4"}'
    assert view.without_cards(text) == masked


def test_words_from_outside_cannot_steer_the_terminal_or_the_markup() -> None:
    evil = "\x1b[2J[red]x[/red]\x07"
    states: dict[str, State] = {
        "service/x": ServiceState(name=evil, status=evil, pid=1, restarts=0, since_mono_s=0.0, last_end=evil),
        "meter/x": MeterState(name=evil, connector=0, is_answering=False, reading=None, mono_s=0.0),
        "connector/1": connector(1, session=session(1, starter=Credential(evil, CredentialType.LOGIN)), cause=evil),
        "link": LinkStatus(state=LinkState.ONLINE, url=evil, registration=evil),
    }
    text = drawn(view.whole(scene(states=states, story=(evil,), title=evil)), width=300)
    assert "[red]x[/red]" in text
    assert not set(text) & {"\x1b", "\x07"}


def test_a_station_that_says_nothing_is_shown_as_such() -> None:
    text = drawn(view.whole(scene(states={}, frames=())))
    assert "has not said anything yet" in text
    assert "nothing known yet" in text


@pytest.mark.parametrize("status", list(ConnectorStatus))
def test_every_status_has_a_colour(status: ConnectorStatus) -> None:
    assert view.STATUS_STYLE[status]


def test_the_power_shown_is_the_meters_where_there_is_one() -> None:
    assert view.power_w(charging(2)) == 48_700.0
    assert view.power_w(connector(1, reading=reading(ControllerStatus.C6_CHARGING, power_w=5.0))) == 5.0


def test_a_limit_is_shown_with_its_reason_in_the_unit_of_its_current() -> None:
    assert view.limit_words(charging(2)) == "48.8 kW, station"
    four = STATES["connector/4"]
    assert isinstance(four, ConnectorState)
    assert view.limit_words(four) == "16.0 A, sharing"
    assert view.limit_words(connector(1, limit=Limit(32.0, 22_080.0, "cable"))) == ""


def test_plain_lines_say_each_change_once_and_a_running_charge_now_and_then() -> None:
    teller = Teller()
    first = list(teller.state("connector/2", charging(2), NOW_S))
    assert first == ["connector 2 CCS2: CHARGING, controller C6, session 31 ··B3C4 LOCAL"]
    assert list(teller.state("connector/2", charging(2), NOW_S + 5)) == []
    (progress,) = teller.state("connector/2", charging(2), NOW_S + 11)
    assert progress == "connector 2: 48.7 kW, 12.345 kWh in 754 s, limit 48.8 kW, station"
    assert list(teller.state("connector/2", connector(2), NOW_S + 12)) == ["connector 2 CCS2: AVAILABLE, controller A"]


def test_plain_lines_cover_every_kind_of_state_that_is_shown() -> None:
    teller = Teller()
    said = [line for topic, state in STATES.items() for line in teller.state(topic, state, NOW_S)]
    assert "meter type2: has not answered yet" in said
    assert "service station: running, pid 4711, restarts 1, last end: signal 9" in said
    assert "central system: OFFLINE, boot Accepted, 1 parked" in said
    assert "input smoke: over, to be cleared" in said
    assert "modules bank: 1 of 2 answer" in said
    assert "climate: 80 % of power, front is hot" in said
    assert teller.frame(FRAMES[0]) == '→ StartTransaction {"connectorId":2,"idTag":"··B3C4"}'


def test_the_day_of_the_link_is_a_line_below_it() -> None:
    day = LinkDay("2026-03-01", 3, 2, 754, 120, 98, 45_600, 12_300)
    states = {**STATES, "link/statistics": LinkStatistics(days=(day,))}
    line = view.link(scene(states=states)).plain.splitlines()[2]
    assert line == (
        "link on 2026-03-01 (UTC)  3 connections · 2 outages, 12 min · 120 sent, 45.6 kB · 98 received, 12.3 kB"
    )


def test_meters_stand_in_the_order_of_the_numbers_in_their_names() -> None:
    names = ("dc-10", "dc-2", "dc-1")
    states: dict[str, State] = {
        f"meter/{name}": MeterState(name=name, connector=1, is_answering=False, reading=None, mono_s=0.0)
        for name in names
    }
    text = drawn(view.meters(scene(states=states)))
    assert text.index("dc-1 ") < text.index("dc-2 ") < text.index("dc-10")


def test_of_charges_only_those_that_run_and_had_outages_have_a_line_about_their_link() -> None:
    running = next(
        state.session.session_id
        for state in STATES.values()
        if isinstance(state, ConnectorState) and state.session is not None and state.session.is_transaction
    )
    charges = (
        LinkCharge(running, "2026-03-01", 1, 2, 130, 4_500, 1_250),
        LinkCharge(999_999, "2026-03-01", 1, 2, 1, 1, 1),
    )
    statistics = LinkStatistics(days=(LinkDay("2026-03-01"),), charges=charges)
    lines = view.link(scene(states={**STATES, "link/statistics": statistics})).plain.splitlines()[3:]
    assert lines == [f"link in session {running}  2 outages, 2 min · 4.5 kB sent · 1.2 kB received"]
    calm = LinkStatistics(days=(LinkDay("2026-03-01"),), charges=(LinkCharge(running, "2026-03-01"),))
    assert len(view.link(scene(states={**STATES, "link/statistics": calm})).plain.splitlines()) == 3
