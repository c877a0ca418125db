"""The ledger finds every way in which a station's account of its transactions can be wrong, and nothing else."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ocpp_client.simulated_ledger import FIRST_TRANSACTION_ID, Ledger

ID = FIRST_TRANSACTION_ID


def start(**changes: Any) -> tuple[str, dict[str, Any]]:
    usual = {"connectorId": 1, "idTag": "04A1", "meterStart": 1000, "timestamp": "2026-03-01T10:00:00Z"}
    return "start", usual | changes


def values(
    energy: float | str, at: str = "2026-03-01T10:05:00Z", number: int | None = ID, **more: Any
) -> tuple[str, Any]:
    sampled = {"value": str(energy), "measurand": "Energy.Active.Import.Register", "unit": "Wh"} | more
    payload: dict[str, Any] = {"connectorId": 1, "meterValue": [{"timestamp": at, "sampledValue": [sampled]}]}
    return "values", payload if number is None else payload | {"transactionId": number}


def stop(**changes: Any) -> tuple[str, dict[str, Any]]:
    usual = {"transactionId": ID, "meterStop": 3000, "timestamp": "2026-03-01T11:00:00Z", "reason": "Local"}
    return "stop", usual | changes


def told(number: int = ID) -> tuple[str, int]:
    """The answer to the last StartTransaction left with this id."""
    return "told", number


def failed(message: tuple[str, dict[str, Any]]) -> tuple[str, Any]:
    """The server answered this message with CALLERROR."""
    return "failed", message


def ledger_of(*messages: tuple[str, Any], new_ids: bool = False) -> Ledger:
    ledger = Ledger(repeats_get_a_new_id=new_ids)
    actions = {"start": "StartTransaction", "stop": "StopTransaction"}
    for kind, content in copy.deepcopy(messages):
        if kind == "start":
            ledger.start("cp", content)
        elif kind == "values":
            ledger.meter_values("cp", content)
        elif kind == "stop":
            ledger.stop("cp", content)
        elif kind == "told":
            ledger.told(ledger.transaction(content), content)
        else:
            ledger.attempted("cp", actions[content[0]], content[1])
    return ledger


SECOND = start(timestamp="2026-03-01T12:00:00Z", meterStart=3000)
SECOND_STOP = stop(transactionId=ID + 1, timestamp="2026-03-01T13:00:00Z", meterStop=4000)

RIGHT: dict[str, tuple[tuple[str, Any], ...]] = {
    "nothing at all": (),
    "one whole transaction": (start(), told(), values(1500), values(2000, "2026-03-01T10:06:00Z"), stop()),
    "no energy": (start(), told(), stop(meterStop=1000)),
    "identical repeats": (start(), start(), told(), values(1500), values(1500), stop(), stop()),
    "two after each other": (start(), told(), stop(), SECOND, told(ID + 1), SECOND_STOP),
    "two on two connectors": (start(), start(connectorId=2), told(), told(ID + 1), stop(), stop(transactionId=ID + 1)),
    "kWh beside Wh": (start(), told(), values(1.5, unit="kWh"), values(1600, "2026-03-01T10:06:00Z"), stop()),
    "other measurands may fall": (
        start(), told(), values(900, measurand="Power.Active.Import", unit="W"),
        values(10, "2026-03-01T10:06:00Z", measurand="Power.Active.Import", unit="W"), stop(),
    ),
    "samples sent again after a crash": (
        start(), told(), values(1500), values(1600, "2026-03-01T10:06:00Z"), values(1500),
        values(1600, "2026-03-01T10:06:00Z"), stop(),
    ),
    "same after CALLERROR": (failed(start()), start(), told(), failed(stop()), stop()),
    "clock-aligned values of an idle connector": (values(1000, number=None), values(1000, number=None)),
    "stamps in another zone": (start(), told(), values(1500, "2026-03-01T13:05:00+03:00"), stop()),
}  # fmt: skip

WRONG: dict[str, tuple[str, tuple[tuple[str, Any], ...]]] = {
    "no stop": ("has no StopTransaction", (start(), told())),
    "stop of nothing": ("never started", (stop(),)),
    "stop with another id": ("never started", (start(), told(), stop(transactionId=5), stop())),
    "two stops": (
        "repeated with another payload: meterStop was 3000, now 3100", (start(), told(), stop(), stop(meterStop=3100))),
    "start changed in its repeat": (
        "repeated with another payload: idTag was '04A1', now '04FF'", (start(), start(idTag="04FF"), told(), stop())),
    "start changed after CALLERROR": (
        "repeated with another payload: meterStart", (failed(start(meterStart=999)), start(), told(), stop())),
    "stop changed after CALLERROR": (
        "repeated with another payload: reason", (start(), told(), failed(stop(reason="Other")), stop())),
    "start again after the stop": ("repeated after its StopTransaction", (start(), told(), stop(), start())),
    "start repeated with a new stamp": (
        "has not been stopped", (start(), start(timestamp="2026-03-01T10:00:07Z"), told(), stop())),
    "meter runs backwards over all": ("below meterStart", (start(), told(), stop(meterStop=999))),
    "register falls": (
        "falls from 2000 Wh", (start(), told(), values(2000), values(1999, "2026-03-01T10:06:00Z"), stop())),
    "register falls in transactionData": (
        "falls from 2000 Wh",
        (start(), told(), values(2000),
         stop(transactionData=[{"timestamp": "2026-03-01T10:06:00Z", "sampledValue": [{"value": "1999"}]}]))),
    "register falls while idle": (
        "falls from 1000 Wh", (values(1000, number=None), values(900, "2026-03-01T10:06:00Z", number=None))),
    "not a number": ("is not a number", (start(), told(), values("nan"), stop())),
    "no number at all": ("is not a number", (start(), told(), values("abc"), stop())),
    "sample below the start": ("below meterStart 1000", (start(), told(), values(900), stop())),
    "sample above the stop": ("above meterStop 3000", (start(), told(), values(3100), stop())),
    "negative meter": ("is negative", (start(meterStart=-5), told(), stop())),
    "values after the stop": ("after its StopTransaction", (start(), told(), stop(), values(1500))),
    "values of nothing": ("never started", (values(1500),)),
    "values before the start": ("never started", (values(1500), start(), told(), stop())),
    "values with the wrong connector": (
        "say connector 2", (start(), told(), ("values", values(1500)[1] | {"connectorId": 2}), stop())),
    "stop before start in time": (
        "stamped before StartTransaction", (start(), told(), stop(timestamp="2026-03-01T09:59:00Z"))),
    "sample stamped before": (
        "stamped before the start", (start(), told(), values(1500, "2026-03-01T09:00:00Z"), stop())),
    "sample stamped after": ("stamped after the stop", (start(), told(), values(1500, "2026-03-01T11:00:05Z"), stop())),
    "next start before the stop": (
        "has not been stopped", (start(), told(), SECOND, told(ID + 1), stop(), SECOND_STOP)),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_not_called_wrong(name: str) -> None:
    assert ledger_of(*RIGHT[name]).faults() == []


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found(name: str) -> None:
    text, messages = WRONG[name]
    assert any(text in fault for fault in ledger_of(*messages).faults())


def test_while_a_charge_runs_its_missing_stop_is_no_fault_yet() -> None:
    ledger = ledger_of(start(), told(), values(1500))
    assert ledger.faults(may_run=True) == []
    assert [one.ids for one in ledger.running()] == [[ID]]


def test_a_repeat_is_one_logical_transaction_with_its_energy_once() -> None:
    ledger = ledger_of(start(), start(), told(), stop(), stop())
    (transaction,) = ledger.transactions
    assert (transaction.ids, transaction.start_repeats, transaction.stop_repeats) == ([ID], 1, 1)
    assert ledger.energy_wh() == 2000


def test_a_repeat_after_a_whole_answer_is_counted_apart() -> None:
    assert ledger_of(start(), start(), told(), stop()).report()["needless_repeats"] == 0
    assert ledger_of(start(), told(), start(), stop()).report()["needless_repeats"] == 1


def test_a_server_that_gives_repeats_a_new_id_wants_the_last_one_it_told() -> None:
    begin = (start(), start(), told(ID + 1))
    assert ledger_of(*begin, stop(transactionId=ID + 1), new_ids=True).faults() == []
    (fault,) = ledger_of(*begin, stop(), new_ids=True).faults()
    assert f"carries id {ID}, the last one told was {ID + 1}" in fault


def test_the_report_is_plain_and_says_all() -> None:
    report = ledger_of(start(), told(), values(1500), stop()).report()
    (row,) = report["transactions"]
    assert (row["connector"], row["id_tag"], row["energy_wh"], row["samples"], row["reason"]) == (
        1,
        "04A1",
        2000,
        1,
        "Local",
    )
    assert (report["energy_wh"], report["faults"]) == (2000, [])
