"""Meter values on the wire, from simulated devices to the central system: OCPP 1.6, 3.16, 4.7, 7.30 to 7.35, 7.43."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from drivers.simulated.meter import MeterFaults
from ocpp_client.simulated_ledger import parse_time
from ocpp_client.v16.meter_values import MEASURANDS
from tests.journeys.rig import Rig, demo_text
from tests.journeys.steps import TWO_AC, charge, leave, settle, show_card, until_transaction_ends
from tests.ocpp_client.seen import STATION, begin, ready, stop_by_card

ENERGY, INTERVAL = "Energy.Active.Import.Register", "Energy.Active.Import.Interval"
ALL = ",".join(MEASURANDS)
NUMBER = re.compile(r"^-?\d+(\.\d{1,3})?$")
Value = dict[str, Any]


def keys(**values: Any) -> dict[str, Any]:
    return {"ocpp": {"configuration": values}}


def told(rig: Rig, connector: int) -> list[Value]:
    """The payloads of MeterValues of one connector, in order."""
    payloads = [call.payload for call in rig.system.ledger.calls("MeterValues")]
    return [payload for payload in payloads if payload["connectorId"] == connector]


def values(payload: Value) -> list[Value]:
    """The sampled values of a MeterValues of one instant."""
    (meter_value,) = payload["meterValue"]
    found: list[Value] = meter_value["sampledValue"]
    return found


def instants(payloads: list[Value]) -> list[datetime]:
    return [parse_time(payload["meterValue"][0]["timestamp"]) for payload in payloads]


def kinds(found: list[Value]) -> set[tuple[str, str, str, str]]:
    return {(one["measurand"], one.get("phase", ""), one["location"], one.get("unit", "")) for one in found}


AC_KINDS = {
    (ENERGY, "", "Outlet", "Wh"),
    (INTERVAL, "", "Outlet", "Wh"),
    ("Power.Active.Import", "", "Outlet", "W"),
    ("Power.Offered", "", "Outlet", "W"),
    ("Power.Factor", "", "Outlet", ""),
    *(("Current.Import", phase, "Outlet", "A") for phase in ("L1", "L2", "L3")),
    ("Current.Offered", "", "Outlet", "A"),
    *(("Voltage", phase, "Outlet", "V") for phase in ("L1-N", "L2-N", "L3-N")),
    ("Frequency", "", "Outlet", ""),
}
DC_KINDS = {
    (ENERGY, "", "Outlet", "Wh"),
    (INTERVAL, "", "Outlet", "Wh"),
    ("Power.Active.Import", "", "Outlet", "W"),
    ("Power.Offered", "", "Outlet", "W"),
    ("Current.Import", "", "Outlet", "A"),
    ("Current.Offered", "", "Outlet", "A"),
    ("Voltage", "", "Outlet", "V"),
    ("SoC", "", "EV", "Percent"),
}


@pytest.mark.ocpp(
    "MeterValues", "3.16.1-sampled", "3.16.3-phases", "4.7-raw", "4.7-transaction", "4.7-defaults", "7.31-measurands",
    "7.31-current-dc", "7.31-offered", "7.31-soc", "7.31-temperature", "7.34-phase", "7.45-units",
    "9.1-MeterValuesSampledData", "9.1-MeterValueSampleInterval",
)  # fmt: skip
async def test_all_measurands_of_a_dc_and_an_ac_outlet(tmp_path: Path) -> None:
    change = keys(MeterValueSampleInterval=30, MeterValuesSampledData=ALL)
    async with Rig(tmp_path, demo_text(), change=change) as rig:
        await rig.online()
        await charge(rig, 1)
        await charge(rig, 4, "0BADCAFE", reader="4")
        await rig.advance(40)
        await rig.drained()
        ac, dc = values(told(rig, 4)[-1]), values(told(rig, 1)[-1])
        optional = {kind for kind in kinds(ac) | kinds(dc) if kind[0] == "Temperature" or "Export" in kind[0]}
        assert kinds(ac) - optional == AC_KINDS
        assert kinds(dc) - optional == DC_KINDS
        assert {kind[3] for kind in optional if kind[0] == "Temperature"} <= {"Celsius"}
        number = {(one["measurand"], one.get("phase", "")): float(one["value"]) for one in ac}
        assert number["Voltage", "L1-N"] == pytest.approx(230, abs=25)
        assert number["Frequency", ""] == pytest.approx(50, abs=1)
        assert 0 < number["Current.Import", "L1"] <= number["Current.Offered", ""] + 0.5
        assert 0 < number["Power.Active.Import", ""] <= number["Power.Offered", ""] * 1.02
        transactions = {one.connector: one.ids[-1] for one in rig.system.ledger.running()}
        for connector in (1, 4):
            for payload in told(rig, connector):
                assert payload["transactionId"] == transactions[connector]
                assert {one["context"] for one in values(payload)} == {"Sample.Periodic"}
                assert all(NUMBER.match(one["value"]) for one in values(payload))
        for connector, reader, uid in ((1, "1", "04A2B3C4"), (4, "4", "0BADCAFE")):
            assert (await show_card(rig, uid, reader)).outcome == "stopped"
            await until_transaction_ends(rig, connector)
            await leave(rig, connector)
        await settle(rig)


@pytest.mark.ocpp("3.16.3-inlet", "7.30-location", "5.17-meter")
async def test_the_meter_of_the_whole_station_is_told_as_connector_zero_while_somebody_charges(tmp_path: Path) -> None:
    change = keys(MeterValueSampleInterval=30, MeterValuesSampledData=f"{ENERGY},Current.Import,SoC,Power.Offered")
    async with Rig(tmp_path, demo_text(), change=change) as rig:
        await rig.online()
        await rig.advance(40)
        assert told(rig, 0) == []
        await charge(rig, 4, reader="4")
        await rig.advance(70)
        await rig.drained()
        of_station = told(rig, 0)
        assert len(of_station) == 2
        assert kinds(values(of_station[-1])) == {
            (ENERGY, "", "Inlet", "Wh"),
            *(("Current.Import", phase, "Inlet", "A") for phase in ("L1", "L2", "L3")),
        }
        assert not any("transactionId" in payload for payload in of_station)
        before = len(rig.system.ledger.calls("MeterValues"))
        trigger = {"requestedMessage": "MeterValues"}
        assert await rig.system.call("demo-1", "TriggerMessage", trigger) == {"status": "Accepted"}
        await rig.system.until(lambda: len(rig.system.ledger.calls("MeterValues")) >= before + 5)
        triggered = [call.payload for call in rig.system.ledger.calls("MeterValues")[before:]]
        asked = [one["connectorId"] for one in triggered if values(one)[0]["context"] == "Trigger"]
        assert asked[:5] == [0, 1, 2, 3, 4]
        await leave(rig, 4)
        await rig.advance(40)
        assert len(told(rig, 0)) <= 3
        await settle(rig)


@pytest.mark.ocpp(
    "3.16.2-aligned", "3.16.2-aligned-idle", "4.7-aligned-context", "4.7-sampled", "9.1-ClockAlignedDataInterval",
    "9.1-MeterValuesAlignedData", "7.31-offered",
)  # fmt: skip
async def test_clock_aligned_values_of_all_connectors_at_whole_minutes_charge_or_none(tmp_path: Path) -> None:
    change = keys(MeterValueSampleInterval=0, ClockAlignedDataInterval=0)
    async with Rig(tmp_path, demo_text(), change=change) as rig:
        await rig.online()
        await charge(rig, 4, reader="4")
        await rig.advance(62)
        assert not rig.system.ledger.calls("MeterValues")
        for key, value in (
            ("MeterValuesAlignedData", f"{ENERGY},Current.Offered,Voltage.L1"),
            ("ClockAlignedDataInterval", "60"),
        ):
            answer = await rig.system.call("demo-1", "ChangeConfiguration", {"key": key, "value": value})
            assert answer == {"status": "Accepted"}
        await rig.advance(185)
        await rig.drained()
        for connector in range(5):
            at = instants(told(rig, connector))
            assert len(at) >= 3
            assert all(instant.second == 0 and instant.microsecond < 100_000 for instant in at)
            assert {(after - before).total_seconds() // 1 for before, after in pairwise(at)} <= {59.0, 60.0}
            assert {one["context"] for payload in told(rig, connector) for one in values(payload)} == {"Sample.Clock"}
            assert all(("transactionId" in payload) is (connector == 4) for payload in told(rig, connector))
        offered = {
            connector: float(one["value"])
            for connector in range(5)
            for one in values(told(rig, connector)[-1])
            if one["measurand"] == "Current.Offered"
        }
        assert offered.pop(4) > 6
        assert offered == {1: 0.0, 2: 0.0, 3: 0.0}
        off = {"key": "ClockAlignedDataInterval", "value": "0"}
        assert await rig.system.call("demo-1", "ChangeConfiguration", off) == {"status": "Accepted"}
        count = len(rig.system.ledger.calls("MeterValues"))
        await rig.advance(62)
        assert len(rig.system.ledger.calls("MeterValues")) == count
        await leave(rig, 4)
        await settle(rig)


@pytest.mark.ocpp("9.1-MeterValueSampleInterval", "9.1-MeterValuesSampledData")
async def test_a_changed_interval_and_set_act_at_once_in_a_running_charge(tmp_path: Path) -> None:
    async with Rig(tmp_path, change=keys(MeterValueSampleInterval=0)) as rig:
        await ready(rig)
        await begin(rig)
        await rig.advance(62)
        assert told(rig, 1) == []
        for key, value in (("MeterValueSampleInterval", "10"), ("MeterValuesSampledData", "Power.Active.Import")):
            answer = await rig.system.call(STATION, "ChangeConfiguration", {"key": key, "value": value})
            assert answer == {"status": "Accepted"}
        await rig.advance(35)
        at = instants(told(rig, 1))
        assert len(at) == 3
        assert {round((after - before).total_seconds()) for before, after in pairwise(at)} == {10}
        assert {one["measurand"] for payload in told(rig, 1) for one in values(payload)} == {"Power.Active.Import"}
        await stop_by_card(rig)
        await leave(rig)
        await settle(rig)


@pytest.mark.ocpp(
    "3.16.1-stop-data", "3.16.2-stop-aligned", "4.10-data", "7.35-contexts", "9.1-StopTxnSampledData",
    "9.1-StopTxnAlignedData", "4.7-interval-energy",
)  # fmt: skip
async def test_transaction_data_has_begin_samples_and_end_and_its_intervals_add_up(tmp_path: Path) -> None:
    change = keys(
        MeterValueSampleInterval=10,
        MeterValuesSampledData="",
        StopTxnSampledData=f"{ENERGY},{INTERVAL}",
        ClockAlignedDataInterval=30,
        MeterValuesAlignedData="",
        StopTxnAlignedData=INTERVAL,
    )
    async with Rig(tmp_path, change=change) as rig:
        await ready(rig)
        for _ in range(2):
            await begin(rig)
            await rig.advance(65)
            await stop_by_card(rig)
            await leave(rig)
            await rig.drained()
        assert told(rig, 1) == []
        for one in rig.system.ledger.transactions:
            assert one.stop is not None
            data = one.stop["transactionData"]
            found = [(value["context"], value["measurand"]) for each in data for value in each["sampledValue"]]
            assert found[0] == ("Transaction.Begin", ENERGY)
            assert found[-2:] == [("Transaction.End", ENERGY), ("Transaction.End", INTERVAL)]
            assert found.count(("Sample.Periodic", ENERGY)) == found.count(("Sample.Periodic", INTERVAL)) >= 6
            assert found.count(("Sample.Clock", INTERVAL)) >= 2
            assert not {word for word in found if word[0] == "Sample.Clock" and word[1] != INTERVAL}
            at = [parse_time(each["timestamp"]) for each in data]
            assert at == sorted(at)
            registers = [int(v["value"]) for each in data for v in each["sampledValue"] if v["measurand"] == ENERGY]
            assert registers == sorted(registers)
            assert (registers[0], registers[-1]) == (one.meter_start_wh, one.stop["meterStop"])
            intervals = [
                int(value["value"])
                for each in data
                for value in each["sampledValue"]
                if value["measurand"] == INTERVAL and value["context"] != "Sample.Clock"
            ]
            assert sum(intervals[-len(intervals) :]) == one.stop["meterStop"] - one.meter_start_wh
        await settle(rig)


@pytest.mark.ocpp("3.16.5-no-data")
async def test_without_a_set_a_stop_has_no_transaction_data(tmp_path: Path) -> None:
    change = keys(
        MeterValueSampleInterval=10, ClockAlignedDataInterval=10, StopTxnSampledData="", StopTxnAlignedData=""
    )
    async with Rig(tmp_path, change=change) as rig:
        await ready(rig)
        await begin(rig)
        await rig.advance(25)
        await stop_by_card(rig)
        await leave(rig)
        await settle(rig)
        assert "transactionData" not in rig.system.ledger.calls("StopTransaction")[0].payload


@pytest.mark.ocpp("7.43-missing")
async def test_what_a_silent_meter_would_say_is_left_out_and_the_rest_is_told(tmp_path: Path) -> None:
    asked = f"{ENERGY},Power.Factor,Power.Offered,Frequency"
    async with Rig(tmp_path, change=keys(MeterValueSampleInterval=5, MeterValuesSampledData=asked)) as rig:
        await ready(rig)
        await begin(rig)
        await rig.advance(20)
        whole = {one["measurand"] for one in values(told(rig, 1)[-1])}
        rig.simulated.set_meter("m1", MeterFaults(silent=True))
        await rig.advance(25)
        partial = values(told(rig, 1)[-1])
        rig.simulated.set_meter("m1", MeterFaults(silent=False))
        await rig.advance(20)
        assert whole == set(asked.split(",")) == {one["measurand"] for one in values(told(rig, 1)[-1])}
        assert [one["measurand"] for one in partial] == ["Power.Offered"]
        await stop_by_card(rig)
        await leave(rig)
        await settle(rig)


@pytest.mark.ocpp("4.7-trigger", "5.17-meter", "7.35-contexts", "4.7-interval-energy")
async def test_triggered_values_are_fresh_have_their_context_and_disturb_no_interval(tmp_path: Path) -> None:
    change = keys(MeterValueSampleInterval=10, MeterValuesSampledData=f"{ENERGY},{INTERVAL}")
    async with Rig(tmp_path, change=change) as rig:
        await ready(rig)
        await begin(rig)
        await rig.advance(25)
        trigger = {"requestedMessage": "MeterValues", "connectorId": 1}
        assert await rig.system.call(STATION, "TriggerMessage", trigger) == {"status": "Accepted"}
        await rig.advance(30)
        payloads = told(rig, 1)
        contexts = [values(payload)[0]["context"] for payload in payloads]
        assert contexts.count("Trigger") == 1
        assert all("transactionId" in payload for payload in payloads)
        periodic = [values(payload) for payload in payloads if values(payload)[0]["context"] == "Sample.Periodic"]
        registers = [int(found[0]["value"]) for found in periodic]
        assert [int(found[1]["value"]) for found in periodic[1:]] == [b - a for a, b in pairwise(registers)]
        await stop_by_card(rig)
        await leave(rig)
        await settle(rig)


@pytest.mark.ocpp("7.35-contexts")
async def test_a_charge_that_outlives_the_software_has_a_value_at_its_resumption(tmp_path: Path) -> None:
    change = keys(MeterValueSampleInterval=20, StopTxnSampledData=ENERGY)
    async with Rig(tmp_path, change=change) as rig:
        await ready(rig)
        await begin(rig)
        await rig.advance(10)
        await rig.crash()
        await rig.advance(1)
        await rig.boot_up()
        await rig.online()
        await rig.advance(30)
        assert rig.status() == "CHARGING"
        assert [values(payload)[0]["context"] for payload in told(rig, 1)][:2] == [
            "Interruption.End",
            "Sample.Periodic",
        ]
        await stop_by_card(rig)
        await leave(rig)
        await settle(rig)
        data = rig.system.ledger.calls("StopTransaction")[0].payload["transactionData"]
        contexts = [each["sampledValue"][0]["context"] for each in data]
        assert (contexts[0], contexts[1], contexts[-1]) == ("Transaction.Begin", "Interruption.End", "Transaction.End")


@pytest.mark.ocpp("3.16.4-unsupported", "9.1-MaxLength")
@pytest.mark.parametrize(
    "key", ["MeterValuesSampledData", "MeterValuesAlignedData", "StopTxnSampledData", "StopTxnAlignedData"]
)
async def test_a_set_with_a_measurand_nobody_gives_is_rejected_whole(tmp_path: Path, key: str) -> None:
    async with Rig(tmp_path) as rig:
        await ready(rig)

        async def ask(value: str) -> str:
            answer = await rig.system.call(STATION, "ChangeConfiguration", {"key": key, "value": value})
            status: str = answer["status"]
            return status

        async def kept() -> str:
            answer = await rig.system.call(STATION, "GetConfiguration", {"key": [key]})
            value: str = answer["configurationKey"][0].get("value", "")
            return value

        assert await ask(f"{ENERGY},Voltage.L1-N") == "Accepted"
        for wrong in (f"{ENERGY},RPM", "Current.Import.L4", "Energy", ENERGY.lower(), f"{ENERGY};SoC"):
            assert await ask(wrong) == "Rejected", wrong
        phases = [f"Current.Import.L{n}" for n in (1, 2, 3)] + [f"Voltage.L{n}" for n in (1, 2, 3)]
        many = ",".join([*MEASURANDS, *phases, "Voltage.L1-N", "Voltage.L2-N", "Voltage.L3-N"])
        assert many.count(",") >= 20
        assert await ask(many) == "Rejected"
        assert await kept() == f"{ENERGY},Voltage.L1-N"
        assert await ask("") == "Accepted"


@pytest.mark.ocpp("3.7-aligned-kept", "3.7-no-live-gap", "3.7-durable")
async def test_clock_aligned_values_of_idle_connectors_survive_an_outage_and_a_crash(tmp_path: Path) -> None:
    change = keys(MeterValueSampleInterval=0, ClockAlignedDataInterval=30)
    async with Rig(tmp_path, TWO_AC, change=change) as rig:
        await ready(rig)
        await rig.advance(65)
        await rig.system.go_away()
        await rig.advance(95)
        await rig.crash()
        await rig.advance(10)
        await rig.boot_up()
        await rig.advance(60)
        await rig.system.come_back()
        await rig.drained()
        await rig.advance(35)
        for connector in (1, 2):
            at = instants(told(rig, connector))
            assert at == sorted(at)
            gaps = [round((after - before).total_seconds()) for before, after in pairwise(at)]
            assert set(gaps) <= {30, 60}  # one instant may fall into the crash
            assert gaps.count(60) <= 1
            assert (at[-1] - at[0]).total_seconds() >= 210
