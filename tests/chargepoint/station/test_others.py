"""Load of others on the feed, found between readings of different moments."""

from __future__ import annotations

from chargepoint.station.others import STILL_AFTER_S, OtherLoads
from drivers.interfaces import MeterReading


def meter(power_w: float, energy_wh: int = 0) -> MeterReading:
    return MeterReading(
        energy_wh=energy_wh, power_w=power_w, voltage_v=(230.0,) * 3, current_a=(power_w / 690,) * 3
    )  # fmt: skip


def test_while_nothing_changes_it_is_the_difference() -> None:
    others = OtherLoads()
    others.note_connectors({1: (0.0, 7_000.0)})
    others.note_meter(meter(17_000), 0.2)
    others.judge(0.2)
    assert others.power_w is None  # not before the connector was heard again
    others.note_connectors({1: (0.5, 7_000.0)})
    others.judge(0.5)
    assert others.power_w == 10_000


def test_a_ramp_of_our_own_changes_nothing_in_it() -> None:
    others = OtherLoads()
    for step in range(40):
        at_s = step / 2
        own_w = min(20_000.0, 1_000.0 * step)
        others.note_connectors({1: (at_s, own_w)})
        others.judge(at_s)
        others.note_meter(meter(10_000 + own_w + 400, step), at_s + 0.2)  # 0.2 s further on the ramp
    assert others.power_w == 10_400


def test_a_connector_that_falls_silent_may_have_stopped_and_counts_so() -> None:
    others = OtherLoads()
    others.note_connectors({1: (0.0, 7_000.0)})
    others.note_meter(meter(12_000), 0.2)
    others.judge(1.0)
    assert others.power_w is None
    others.judge(2.0)
    assert others.power_w == 12_000


def test_a_meter_that_stands_still_is_noticed_while_energy_flows_and_only_then() -> None:
    others = OtherLoads()
    for second in range(100):
        others.note_meter(meter(12_000), float(second))
        others.note_connectors({1: (float(second), 0.0)})
        assert not others.is_still(second)
    for second in range(100, 100 + int(STILL_AFTER_S) + 1):
        others.note_meter(meter(12_000), float(second))
        others.note_connectors({1: (float(second), 7_000.0)})
        assert not others.is_still(second)
    assert others.is_still(101 + STILL_AFTER_S)
    others.note_meter(meter(12_000, 1), 125.0)
    assert not others.is_still(125.0)


def test_losses_are_no_load_and_nonsense_changes_nothing() -> None:
    others = OtherLoads()
    for at_s, power_w in enumerate((7_150.0, float("nan"))):
        others.note_connectors({1: (float(at_s), 7_000.0)})
        others.note_meter(meter(power_w), float(at_s))
        others.judge(at_s)
        assert others.power_w == 0
