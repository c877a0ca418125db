"""Which lines of the log stay when more wait for the disk than there is room for."""

from chargepoint.records import AnyEntry, Happened, SecurityEvent
from chargepoint.station.bookkeeping import newest_and_critical
from chargepoint.vocabulary import EventType


def line(number: int) -> AnyEntry:
    return Happened(event_type=EventType.DEVICE_STATE, action=str(number))


def alarm(kind: str = "TamperDetectionActivated") -> AnyEntry:
    return SecurityEvent(type=kind, source_type="sensor", source="cover", operation="open")


def test_critical_security_events_stay_before_newer_lines() -> None:
    notes = [alarm(), *map(line, range(10)), alarm("InvalidMessages"), line(10)]
    assert newest_and_critical(notes, 3) == [alarm(), alarm("InvalidMessages"), line(10)]
    assert newest_and_critical(notes, 20) == notes
    assert newest_and_critical([alarm()] * 5, 3) == [alarm()] * 3
