"""The durable list of incidents: once each, with its beginning and its end, over restarts and torn writes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chargepoint.bus import Bus
from chargepoint.clock import Clock
from chargepoint.config import Secrets
from chargepoint.context import Context
from chargepoint.messages import (
    ClimateSensorState,
    ClimateState,
    ConnectorState,
    DeviceState,
    Incident,
    IncidentsState,
    InputState,
    InsulationState,
    LinkStatus,
    Noted,
    OutputState,
    ReadIncidents,
    ServiceState,
    SessionSummary,
    State,
    StationState,
    UpdateState,
)
from chargepoint.one_process import in_process_bus
from chargepoint.records import Credential
from chargepoint.vocabulary import (
    Cause,
    ClimateZone,
    ConnectorFlag,
    ConnectorStatus,
    ConnectorType,
    CredentialType,
    InputFunction,
    LinkState,
    LogicalStatus,
    OperatingMode,
    OutputFunction,
    SessionState,
    StartSource,
    TechnicalStatus,
)
from diag.incident_book import AFTER_START_S, Book
from diag.incident_kinds import KINDS
from diag.incident_rules import RULES, Scene, Trouble, troubles
from diag.incident_store import FILE, MOST_KEPT, IncidentStore
from diag.incident_texts import TEMPLATES, VARIABLES, message_of, render, station_variables
from diag.incidents import Incidents
from drivers.interfaces import InsulationReading
from tests.chargepoint.dummies import settings
from tests.listening import heard

NOON = datetime(2026, 5, 17, 12, 0, tzinfo=UTC)
SCENE = Scene(settings(), NOON, 1 << 40)


def device(*, is_answering: bool, kind: str = "io", name: str = "k") -> DeviceState:
    return DeviceState(kind=kind, name=name, driver="d", port="p", address=1, is_answering=is_answering,
                       last_error="" if is_answering else "no answer")  # fmt: skip


def found(*states: State, scene: Scene = SCENE) -> dict[tuple[str, str, str], Trouble]:
    return troubles({str(number): state for number, state in enumerate(states)}, scene)


def types(*states: State, scene: Scene = SCENE) -> set[str]:
    return {kind for kind, _, _ in found(*states, scene=scene)}


LOST = Trouble("device_lost", "io", "k", "no answer")
HELD_S = KINDS["device_lost"].hold_s
CALM_S = KINDS["device_lost"].calm_s


def test_a_monitor_with_a_fault_of_its_own_says_nothing_of_the_insulation() -> None:
    for ohm, fault, is_answering, wanted in (
        (20_000.0, "", True, {"insulation"}),
        (20_000.0, "earth wire", True, {"insulation_monitor"}),
        (20_000.0, "earth wire", False, {"insulation_monitor"}),
        (20_000.0, "", False, set()),
    ):
        reading = InsulationReading(ohm, alarm=True, fault=fault)
        state = InsulationState(name="imd", connector=1, is_answering=is_answering, reading=reading)
        assert types(state) == wanted


def test_a_short_loss_opens_nothing_and_a_long_one_is_opened_once_with_its_beginning() -> None:
    book = Book({}, {}, 0.0)
    assert not book.step({LOST.key: LOST}, 0.0, NOON).all
    assert not book.step({}, 5.0, NOON).all
    assert not book.step({LOST.key: LOST}, 10.0, NOON).all
    at = NOON + timedelta(seconds=HELD_S)
    opened = book.step({LOST.key: LOST}, 10.0 + HELD_S, at).opened
    assert [each.opened_at for each in opened] == [NOON]
    assert not book.step({LOST.key: LOST}, 1000.0, at).all
    assert not book.step({}, 2000.0, at).all
    closed = book.step({}, 2000.0 + CALM_S, at + timedelta(seconds=CALM_S)).closed
    assert [(each.id, each.closed_at, each.is_open) for each in closed] == [(1, at, False)] and not book.open


def test_what_comes_and_goes_is_one_incident_with_a_count() -> None:
    book = Book({}, {}, 0.0)
    book.step({LOST.key: LOST}, 0.0, NOON)
    assert book.step({LOST.key: LOST}, HELD_S, NOON).opened
    now_s = HELD_S
    for _ in range(9):
        now_s += CALM_S / 2
        assert not book.step({}, now_s, NOON).all
        now_s += 1.0
        assert len(book.step({LOST.key: LOST}, now_s, NOON).other) == 1
    assert [each.count for each in book.newest()] == [10]


def test_nothing_closes_while_who_would_tell_is_away() -> None:
    book = Book({}, {}, 0.0)
    book.step({LOST.key: LOST}, 0.0, NOON)
    book.step({LOST.key: LOST}, HELD_S, NOON)
    assert not book.step({}, 5000.0, NOON, may_close=False).all
    assert not book.step({}, 5001.0, NOON).all
    assert book.step({}, 5001.0 + CALM_S, NOON).closed


def test_after_a_restart_an_open_incident_goes_on_and_is_not_counted_again() -> None:
    book = Book({}, {}, 0.0)
    book.step({LOST.key: LOST}, 0.0, NOON)
    kept = {each.id: each for each in book.step({LOST.key: LOST}, HELD_S, NOON).opened}
    later = Book(kept, {}, 9.0)
    assert not later.step({}, 10.0, NOON).all, "nothing was heard yet"
    assert not later.step({LOST.key: LOST}, 20.0, NOON).all
    assert [each.count for each in later.newest()] == [1]
    other = Book(kept, {}, 9.0)
    other.step({}, 10.0, NOON)
    assert other.step({}, 9.0 + AFTER_START_S, NOON).closed
    assert other.step({LOST.key: LOST}, 500.0, NOON).all == []
    assert other.step({LOST.key: LOST}, 500.0 + HELD_S, NOON).opened[0].id == 2


def test_an_incident_from_before_the_time_was_known_learns_when_it_was() -> None:
    book = Book({}, {}, 0.0)
    smoke = Trouble("smoke", "input", "S1")
    (opened,) = book.step({smoke.key: smoke}, 100.0, None).opened
    assert opened.opened_at is None
    (changed,) = book.step({smoke.key: smoke}, 160.0, NOON).other
    assert changed.opened_at == NOON - timedelta(seconds=60) and changed.variables["Trouble_Date_Occured"]
    assert not book.step({smoke.key: smoke}, 170.0, NOON).all


def incident(number: int, *, is_open: bool = False) -> Incident:
    return Incident(id=number, type="smoke", level="bad", opened_at=NOON, is_open=is_open)


def test_the_list_survives_a_torn_line_and_keeps_the_newest_and_all_that_are_open(tmp_path: Path) -> None:
    store = IncidentStore(tmp_path)
    store.open()
    store.put([incident(number, is_open=number == 5) for number in range(1, MOST_KEPT + 101)])
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"id":99999,"ty')
    again = IncidentStore(tmp_path)
    kept = again.open()
    assert len(kept) == MOST_KEPT + 1 and 5 in kept and 100 not in kept and max(kept) == MOST_KEPT + 100
    again.put([incident(MOST_KEPT + 101)])
    assert IncidentStore(tmp_path).open() == {**{n: kept[n] for n in kept if n != 101}, MOST_KEPT + 101: incident(1101)}


def test_the_file_stays_bounded_however_often_an_incident_changes(tmp_path: Path) -> None:
    store = IncidentStore(tmp_path)
    store.open()
    for count in range(30):
        store.put([msgspec.structs.replace(incident(number), count=count) for number in range(1, 101)])
    assert (tmp_path / FILE).read_bytes().count(b"\n") <= 2 * MOST_KEPT
    assert [each.count for each in store.all()[:2]] == [29, 29]


def test_every_rule_names_a_kind_that_is_known() -> None:
    from diag import incident_rules

    text = Path(incident_rules.__file__).read_text()
    assert not [kind for kind in KINDS if f'"{kind}"' not in text]
    assert set(incident_rules.BY_FUNCTION.values()) | set(incident_rules.BY_CAUSE.values()) <= set(KINDS)
    assert all(issubclass(kind, State) for kind in RULES)


def test_states_tell_of_trouble_with_the_variables_of_the_source() -> None:
    assert types(device(is_answering=False)) == {"device_lost"}
    assert types(device(is_answering=False, kind="meter")) == {"meter_lost"}
    assert types(device(is_answering=True)) == set()
    smoke = InputState(name="S1", function=InputFunction.SMOKE, is_active=True)
    (told,) = found(smoke).values()
    assert told.variables == {"TroubleData_SensorNumber": "S1", "TroubleData_SensorType": "smoke"}
    latched = msgspec.structs.replace(smoke, is_active=False, is_latched=True)
    assert types(latched) == {"smoke"}
    worn = OutputState(name="K1", function=OutputFunction.CONTACTOR, is_on=False, operations=95_000,
                       operations_per_life=100_000, cause=Cause.CONTACTOR_WELDED)  # fmt: skip
    assert types(worn) == {"contactor_worn", "contactor_welded"}
    hot = ClimateSensorState("T1", ClimateZone.FRONT, True, 66.5)
    (told,) = found(ClimateState(sensors=(hot,))).values()
    assert told.variables["TroubleData_CurrentTemperature"] == "66.5" and "TroubleData_MaxTemperature" in told.variables
    link = LinkStatus(state=LinkState.OFFLINE, parked=3, certificate_ends_at=NOON + timedelta(days=3))
    assert types(link) == {"link_lost", "parked_messages", "certificate_ends"}
    assert types(msgspec.structs.replace(link, certificate_ends_at=NOON + timedelta(days=90))) == {
        "link_lost", "parked_messages"}  # fmt: skip
    failed = UpdateState(stage="failed", name="App.X.1.2.3.4.cpk", code="unsigned", text="no key", percent=40)
    (told,) = found(failed).values()
    assert told.variables == {
        "TroubleData_FileName": "App.X.1.2.3.4.cpk", "TroubleData_Stage": "failed", "TroubleData_Error": "unsigned",
        "TroubleData_Message": "no key", "TroubleData_Progress": "40"}  # fmt: skip
    (told,) = found(UpdateState(last_outcome="returned", last_reason="it ended with 1")).values()
    assert (told.type, told.variables["TroubleData_Message"]) == ("update_failed", "it ended with 1")
    assert types(UpdateState(last_outcome="kept")) == set()
    assert types(ServiceState(name="hmi", status="parked", pid=0, restarts=9, since_mono_s=0.0)) == {"service_parked"}
    assert types(scene=msgspec.structs.replace(SCENE, free_bytes=1000)) == {"disk_low"}


def test_a_connector_in_error_names_its_session_without_the_card() -> None:
    session = SessionSummary(
        session_id=7, state=SessionState.ACTIVE, start_source=StartSource.LOCAL,
        starter=Credential("04A2B3C4D5E6", CredentialType.RFID), is_transaction=True, energy_wh=1, elapsed_s=1,
    )  # fmt: skip
    state = ConnectorState(
        number=1, type=ConnectorType.TYPE2, status=ConnectorStatus.EMERGENCY_OFF, flags=ConnectorFlag(0),
        operative=True, cause="emergency_button", session=session,
    )  # fmt: skip
    (told,) = found(state).values()
    assert told.type == "emergency" and told.variables["TroubleData_Transaction"] == "7"
    assert told.variables["TroubleData_User"] == "··D5E6"
    button = InputState(name="E", function=InputFunction.EMERGENCY_STOP, is_active=True)
    assert [each.device_type for each in found(state, button).values()] == ["input"], "the button is the incident"


def test_a_message_is_filled_in_literally_and_says_which_placeholders_are_unknown() -> None:
    one = Incident(
        id=1, type="smoke", level="bad",
        variables={"Trouble_Type": "smoke", "Trouble_Info": "see {Terminal_Name}\n{x}", "Terminal_Name": "North"},
    )  # fmt: skip
    said = render(
        "{Trouble_Type} at {Terminal_Name}: {Trouble_Info}{TroubleData_Module} {Trouble_Date_Occurred}{a b}", one
    )
    assert said.text == "smoke at North: see {Terminal_Name} {x} {Trouble_Date_Occurred}{a b}"
    assert said.unknown == ("Trouble_Date_Occurred",), "the source spells it Occured"
    assert len(VARIABLES) == 28 and "Trouble_Date_Occured" in VARIABLES and "TroubleData_Contactor" in VARIABLES
    assert all(not render(text, one).unknown for text in TEMPLATES.values())
    assert "is over" in message_of(msgspec.structs.replace(one, is_open=False)).text


def test_messages_name_the_station_and_where_it_stands() -> None:
    station = msgspec.structs.replace(settings().station, name="st-1", address="Almaty, 5 Abay street")
    told = station_variables(msgspec.structs.replace(settings(), station=station))
    one = Incident(id=1, type="door", level="warn", variables=told)
    said = render("{Terminal_Name}, {Terminal_Address}: {Terminal_Number}", one)
    assert said.text == "st-1, Almaty, 5 Abay street: st-1" and not said.unknown


def context_of(bus: Bus, folder: Path) -> Context:
    clock = Clock("boot", offset_s=NOON.timestamp(), source="server")
    return Context("diag", bus, settings(), Secrets(), clock, folder)


async def test_an_incident_is_told_written_and_noted_once_and_is_there_after_a_restart(tmp_path: Path) -> None:
    async with in_process_bus("diag", "station", "admin") as buses:
        noted = buses["station"].subscribe(Noted)
        view = buses["admin"].watch("incidents")
        part = Incidents(context_of(buses["diag"], tmp_path), buses["diag"].watch(""))
        running = asyncio.create_task(part.run())
        buses["station"].set_state("device/io/k", device(is_answering=False))
        await asyncio.sleep(100)
        state: Any = view.get("incidents")
        assert isinstance(state, IncidentsState) and [each.type for each in state.open] == ["device_lost"]
        assert state.open[0].variables["Terminal_Name"] == "dummy"
        running.cancel()
        part = Incidents(context_of(buses["diag"], tmp_path), buses["diag"].watch(""))
        running = asyncio.create_task(part.run())
        await asyncio.sleep(1000)
        buses["station"].set_state("device/io/k", device(is_answering=True))
        await asyncio.sleep(CALM_S + 5)
        page = await buses["admin"].call("diag", ReadIncidents())
        assert [(each.id, each.is_open, each.count) for each in page.incidents] == [(1, False, 1)]
        assert page.incidents[0].closed_at is not None
        running.cancel()
        told = await heard(noted)
        assert [each.action for each in told] == ["Incident", "IncidentResolved"]
        assert told[0].message == "device_lost io k: no answer"


async def test_a_full_disk_keeps_nothing_from_being_told_and_it_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with in_process_bus("diag", "station", "admin") as buses:
        part = Incidents(context_of(buses["diag"], tmp_path), buses["diag"].watch(""))

        def no_room(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(IncidentStore, "put", no_room)
            buses["station"].set_state("input/S1", InputState(name="S1", function=InputFunction.SMOKE, is_active=True))
            await asyncio.sleep(0.1)
            await part.look()
            page = await buses["admin"].call("diag", ReadIncidents())
            assert [each.type for each in page.incidents] == ["smoke"]
        assert not IncidentStore(tmp_path).open()
        await part.look()
        assert len(IncidentStore(tmp_path).open()) == 1


async def test_before_the_station_is_activated_nothing_is_an_incident(tmp_path: Path) -> None:
    async with in_process_bus("diag", "station") as buses:
        built = StationState(
            technical=TechnicalStatus.OK, logical=LogicalStatus.WORKING, mode=OperatingMode.NORMAL, operative=True,
            free_mode=False, can_record=True, connectors=(), power_limit_w=1.0, power_w=0.0, activated=False,
        )  # fmt: skip
        part = Incidents(context_of(buses["diag"], tmp_path), buses["diag"].watch(""))
        buses["station"].set_state("station", built)
        buses["station"].set_state("input/S1", InputState(name="S1", function=InputFunction.SMOKE, is_active=True))
        await asyncio.sleep(0.1)
        await part.look()
        assert not IncidentStore(tmp_path).open()
        buses["station"].set_state("station", msgspec.structs.replace(built, activated=True))
        await asyncio.sleep(0.1)
        await part.look()
        assert len(IncidentStore(tmp_path).open()) == 1
