"""What simulated vehicles and controllers say to each other is in step with the status."""

from __future__ import annotations

import pytest

from drivers.dump.decoder import Decoder
from drivers.interfaces import ConnectorType, FrameKind
from drivers.simulated.controller import Controller
from drivers.simulated.controller_state import Hardware
from drivers.simulated.frame_ring import DEPTH, FrameRing
from drivers.simulated.outlet import Outlet
from drivers.simulated.vehicle import PlugOptions

VIN = "WVWZZZ1JZXW000001"


class Session:
    """A charge on model time, and its frames in words."""

    def __init__(self, kind: ConnectorType, *, keeps_frames: bool = True, **options: object) -> None:
        hardware = Hardware(
            number=1, type=kind, max_current_a=125, max_power_w=50_000, has_lock=True, keeps_frames=keeps_frames
        )
        self.outlet = Outlet(Controller(hardware))
        self.controller = self.outlet.controller
        self.decoder = Decoder()
        self.words: list[str] = []
        self.now_s = 0.0
        self.outlet.plug(PlugOptions(vin=VIN, **options))  # type: ignore[arg-type]
        self.advance(3)
        self.controller.grant(10, 100, 50_000)
        self.controller.order(1, 1, 7, 0)

    def advance(self, seconds: float) -> None:
        for _ in range(round(seconds * 2)):
            self.now_s += 0.5
            if self.controller.is_permitted:
                self.controller.grant(10, 100, 50_000)
            self.outlet.advance(self.now_s)
            ring = self.controller.frames
            first, frames = ring.batch()
            some = list(frames)
            ring.take(first + len(some))
            self.words += [f"{line.name} {line.words}" for frame in some for line in self.decoder.decode(frame)]

    def says(self, *wanted: str) -> None:
        """These are said, in this order."""
        at = 0
        for word in wanted:
            found = next((place for place in range(at, len(self.words)) if word in self.words[place]), None)
            assert found is not None, (word, self.words[at : at + 40])
            at = found


def test_a_gbt_vehicle_that_is_full_stops_with_its_reason() -> None:
    session = Session(ConnectorType.GBT, stop_after_wh=100.0)
    session.advance(60)
    session.says("CRM charger identification: recognised", "BCL", "BST battery stops: target SOC reached", "CST", "BSD")
    assert "charger stopped" not in " ".join(session.words)


def test_a_gbt_charge_that_the_station_stops_says_so() -> None:
    session = Session(ConnectorType.GBT)
    session.advance(20)
    session.controller.order(2, 2, 0, 0)
    session.advance(10)
    session.says("BCL", "CST charger stops: stopped by hand", "BST battery stops: charger stopped", "CSD")


def test_an_error_is_said_by_the_charger() -> None:
    session = Session(ConnectorType.GBT)
    session.advance(20)
    session.outlet.unplug("pull")
    session.advance(2)
    session.says("BCL", "CEM charger: time-out of: BCL")


def test_every_long_message_is_whole() -> None:
    session = Session(ConnectorType.GBT)
    session.advance(30)
    text = " ".join(session.words)
    assert "missing" not in text and "of no transfer" not in text and "cut short" not in text
    assert "cell voltages" in text and "BCS battery state" in text


def test_a_chademo_vehicle_sets_and_clears_its_flags() -> None:
    session = Session(ConnectorType.CHADEMO, stop_after_wh=200.0)
    session.advance(60)
    session.says(
        "102 vehicle: protocol 1.x, asks 440 V, 0 A", "connector locked", "charging enabled, SOC", "109 charger",
        "asks to stop", "stops",
    )  # fmt: skip


@pytest.mark.parametrize("kind", [ConnectorType.CCS2, ConnectorType.CCS1])
def test_a_ccs_session_has_its_messages_in_order(kind: ConnectorType) -> None:
    session = Session(kind)
    session.advance(20)
    session.controller.order(2, 2, 0, 0)
    session.advance(10)
    session.says(
        "CP state B", "SessionSetupReq", "ChargeParameterDiscoveryReq", "CableCheckRes Finished", "PreChargeReq",
        "PowerDeliveryRes OK", "CurrentDemandRes", "WeldingDetectionReq", "SessionStopRes",
    )  # fmt: skip
    assert VIN not in " ".join(session.words)


def test_an_ac_pilot_tells_pauses_limits_and_faults() -> None:
    session = Session(ConnectorType.TYPE2)
    session.advance(5)
    session.controller.parameters["max_current"] = 16_000
    session.outlet.pause(pilot=True)
    session.advance(2)
    session.outlet.resume()
    session.advance(2)
    session.controller.break_down("E6")
    session.advance(2)
    session.says("CP state C", "state B", "duty 26.7 %: 16.0 A", "state C", "CP state F")


def test_a_household_socket_and_a_controller_without_a_ring_say_nothing() -> None:
    for kind, keeps in ((ConnectorType.SCHUKO, True), (ConnectorType.GBT, False), (ConnectorType.TYPE2, False)):
        session = Session(kind, keeps_frames=keeps)
        session.advance(10)
        assert session.words == []


def test_the_ring_keeps_what_is_new_and_counts_what_it_overwrote() -> None:
    ring = FrameRing()
    for at in range(10):
        ring.keep(at / 10, FrameKind.GBT, 1, b"same")
    assert ring.next_number == 2
    ring.keep(1.1, FrameKind.GBT, 1, b"same")
    ring.keep(1.1, FrameKind.GBT, 2, b"same")
    ring.keep(1.1, FrameKind.GBT, 2, b"same", also_again=True)
    assert ring.next_number == 5 and ring.lost == 0
    for at in range(DEPTH + 10):
        ring.keep(2.0, FrameKind.GBT, 3, at.to_bytes(4, "little"))
    assert ring.lost == 14
    ring.take(ring.next_number)
    ring.keep(3.0, FrameKind.GBT, 3, b"new")
    assert ring.lost == 14 and [frame.data for frame in ring.batch()[1]] == [b"new"]
    ring.take(10**6)
    assert len(list(ring.batch()[1])) == 1
