"""What services may write into the station's log, and how fast."""

from chargepoint.messages import Noted, SecurityNoted
from chargepoint.station.listening import Throttle
from chargepoint.vocabulary import EventType

LINE = Noted(event_type=EventType.DEVICE_STATE, action="Error")
TOLD = Noted(event_type=EventType.STATION_TO_OCPP, action="StartTransaction")
ALARM = SecurityNoted(type="InvalidMessages", source_type="service", source="rfid", operation="bus")
CRITICAL = SecurityNoted(type="TamperDetectionActivated", source_type="sensor", source="cover", operation="open")


def test_a_flood_of_lines_is_bounded_and_what_was_left_out_is_told() -> None:
    now_s = 0.0
    throttle = Throttle(lambda: now_s)
    written = [throttle.left_out_before("rfid", LINE) for _ in range(1000)]
    assert written == [0] * Throttle.BURST + [None] * (1000 - Throttle.BURST)
    assert throttle.left_out_before("ocpp", LINE) == 0  # others are not held up
    assert throttle.left_out_before("rfid", ALARM) is None
    now_s = 1.5
    assert throttle.left_out_before("rfid", LINE) == 801
    assert throttle.left_out_before("rfid", LINE) is None


def test_no_flood_hides_a_critical_security_event_and_a_flood_of_those_is_bounded_too() -> None:
    throttle = Throttle(lambda: 0.0)
    for _ in range(1000):
        throttle.left_out_before("rfid", LINE)
        throttle.left_out_before("rfid", ALARM)
    assert throttle.left_out_before("rfid", CRITICAL) == 0
    written = [throttle.left_out_before("rfid", CRITICAL) for _ in range(1000)]
    assert written == [0] * (Throttle.BURST - 1) + [None] * (1001 - Throttle.BURST)


def test_what_the_central_system_was_told_is_always_written() -> None:
    throttle = Throttle(lambda: 0.0)
    assert [throttle.left_out_before("ocpp", TOLD) for _ in range(10_000)] == [0] * 10_000
    assert throttle.left_out_before("ocpp", LINE) == 0
