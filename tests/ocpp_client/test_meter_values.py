"""Samples on the wire: texts, phases, units, sets of measurands."""

from __future__ import annotations

import pytest

from chargepoint.frames import MAX_FRAME_BYTES, raw
from chargepoint.messages import SamplesPage
from chargepoint.records import Moment, Sample, SampledValue
from ocpp_client import schemas
from ocpp_client.backlog import SAMPLE_PAGE
from ocpp_client.v16.meter_values import MEASURANDS, is_measurand, meter_value, meter_values, number, sampled_value
from ocpp_client.v16.transactions import transaction_data
from tests.ocpp_client.rig import NOW

ENERGY = "Energy.Active.Import.Register"


def sample(*values: SampledValue, at: bool = True, sample_number: int = 1) -> Sample:
    return Sample(sample_number, 0, 1, 1, Moment("boot", 0.0, NOW if at else None), values)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (12345, "12345"),
        (1.0, "1"),
        (0.1, "0.1"),
        (230.456789, "230.457"),
        (-0.0001, "0"),
        (1e9, "1000000000"),
    ],
)
@pytest.mark.ocpp("4.7-raw")
def test_numbers_are_plain_texts(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.ocpp("4.7-defaults")
def test_a_value_keeps_phase_context_unit_and_place() -> None:
    value = sampled_value(SampledValue("Current.Import", 16.04, "A", phase="L2"))
    assert value == {
        "value": "16.04",
        "context": "Sample.Periodic",
        "measurand": "Current.Import",
        "phase": "L2",
        "location": "Outlet",
        "unit": "A",
    }


@pytest.mark.ocpp("7.31-frequency")
def test_frequency_has_no_unit_on_the_wire() -> None:
    assert "unit" not in sampled_value(SampledValue("Frequency", 50.0, "Hz"))


@pytest.mark.ocpp("4.7-signed")
def test_a_signed_record_passes_byte_for_byte() -> None:
    record = 'OCMF|{"FV":"1.0"}|{"SA":"ECDSA"}'
    value = sampled_value(SampledValue(ENERGY, 1.0, "Wh", signed=record))
    assert (value["value"], value["format"]) == (record, "SignedData")


def test_the_signed_record_of_a_transaction_goes_along_with_its_end_whatever_is_configured() -> None:
    record = 'OCMF|{"FV":"1.0"}|{"SA":"ECDSA"}'
    end = sample(
        SampledValue(ENERGY, 1.0, "Wh", context="Transaction.End", signed=record),
        SampledValue("Voltage", 230.0, "V", context="Transaction.End"),
    )
    periodic = sample(SampledValue(ENERGY, 0.5, "Wh", signed="OCMF|{}|{}"), sample_number=2)
    (told,) = transaction_data([periodic, end], (), (), 100)
    assert [one["value"] for one in told["sampledValue"]] == ["1", record]
    assert meter_value(end, {"Transaction.End": ()}) is None  # never among the meter values


def test_every_measurand_passes_the_schema() -> None:
    values = tuple(SampledValue(word, 1.5, "") for word in MEASURANDS)
    payload = meter_values(1, 7, [meter_value(sample(*values)) or {}])
    assert schemas.check_request("MeterValues", payload) == payload


@pytest.mark.ocpp("9.1-MeterValuesSampledData")
def test_only_the_wanted_measurands_of_a_context_are_told() -> None:
    values = (
        SampledValue(ENERGY, 1, "Wh"),
        SampledValue("Voltage", 230, "V", phase="L1"),
        SampledValue("SoC", 5, "Percent"),
    )
    told = meter_value(sample(*values), {"Sample.Periodic": ("Voltage.L1", "SoC")})
    assert told is not None
    assert [value["measurand"] for value in told["sampledValue"]] == ["Voltage", "SoC"]
    assert meter_value(sample(*values), {"Sample.Periodic": ()}) is None


def test_a_sample_without_time_is_not_told() -> None:
    assert meter_value(sample(SampledValue(ENERGY, 1, "Wh"), at=False)) is None


@pytest.mark.parametrize(
    ("word", "known"), [("SoC", True), ("Voltage.L1-N", True), ("Voltage.X", False), ("RPM", False)]
)
@pytest.mark.ocpp("3.16.4-unsupported")
def test_measurand_words(word: str, known: bool) -> None:
    assert is_measurand(word) is known


def test_long_transaction_data_keeps_its_ends() -> None:
    samples = [sample(SampledValue(ENERGY, value, "Wh"), sample_number=value) for value in range(1000)]
    data = transaction_data(samples, (ENERGY,), (), 100)
    assert len(data) == 100
    assert (data[0]["sampledValue"][0]["value"], data[-1]["sampledValue"][0]["value"]) == ("0", "999")


def test_a_page_of_rich_samples_fits_into_one_message_of_the_bus() -> None:
    """All measurands by phase, and a signed record of 6 kB with each."""
    phases = ("", "L1-N", "L2-N", "L3-N")
    some = [SampledValue(name, 123456.789, "Celsius", phase=phase) for name in MEASURANDS for phase in phases]
    rich = sample(SampledValue(ENERGY, 1.0, "Wh", signed="x" * 6_000), *some[:24], sample_number=10**9)
    assert (
        len(raw(SamplesPage(samples=(rich,) * SAMPLE_PAGE, last_number=10**9, durable_number=10**9))) < MAX_FRAME_BYTES
    )
