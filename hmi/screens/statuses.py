"""How each status of a connector looks: colour, shape and word (hmi.md 6)."""

from __future__ import annotations

import msgspec

from chargepoint.messages import ConnectorState
from chargepoint.vocabulary import ConnectorFlag, ConnectorStatus, ConnectorType
from hmi.drawing.items import Colour
from hmi.view import Palette


class StatusLook(msgspec.Struct, frozen=True):
    """`colour` is a field of Palette, `icon` a file of `hmi/icons`, `word` a catalogue key."""

    colour: str
    icon: str
    word: str

    def of(self, palette: Palette) -> Colour:
        found: Colour = getattr(palette, self.colour)
        return found


S = ConnectorStatus
LOOKS: dict[ConnectorStatus, StatusLook] = {
    S.AVAILABLE: StatusLook("green", "available", "st.available"),
    S.WAITING_FOR_EV: StatusLook("green", "waiting_for_ev", "st.waiting_ev"),
    S.READY: StatusLook("green", "ready", "st.ready"),
    S.CHARGING: StatusLook("blue", "charging", "st.charging"),
    S.CHARGED: StatusLook("white", "charged", "st.charged"),
    S.EMERGENCY_OFF: StatusLook("red", "emergency_off", "st.emergency"),
    S.DISABLED: StatusLook("red", "disabled", "st.disabled"),
    S.ERROR: StatusLook("red", "error", "st.error"),
    S.UNAVAILABLE: StatusLook("grey", "unavailable", "st.unavailable"),
    S.NO_POWER: StatusLook("grey", "no_power", "st.no_power"),
    S.METER_ERROR: StatusLook("grey", "meter_error", "st.meter_error"),
    S.UPDATING: StatusLook("yellow", "updating", "st.updating"),
}
RESERVED = StatusLook("violet", "reserved", "st.reserved")
UNHEARD = LOOKS[S.UNAVAILABLE]

FACES: dict[ConnectorType, tuple[str, str]] = {
    ConnectorType.CCS2: ("ccs2", "CCS2"),
    ConnectorType.CCS1: ("ccs2", "CCS1"),
    ConnectorType.CHADEMO: ("chademo", "CHAdeMO"),
    ConnectorType.GBT: ("gbt_dc", "GB/T DC"),
    ConnectorType.GBT_AC: ("gbt_ac", "GB/T AC"),
    ConnectorType.TYPE2: ("type2", "Type 2"),
    ConnectorType.TYPE1: ("type1", "Type 1"),
    ConnectorType.SCHUKO: ("socket", "Schuko"),
    ConnectorType.TESLA: ("type2", "Tesla"),
    ConnectorType.NACS: ("type2", "NACS"),
    ConnectorType.UNKNOWN: ("warning", "?"),
}
"""Icon of the face view and the name printed on it."""

FREE = frozenset((S.AVAILABLE, S.WAITING_FOR_EV, S.READY))
IN_SESSION = frozenset((S.CHARGING, S.CHARGED))


def look_of(state: ConnectorState | None) -> StatusLook:
    """A connector nothing was heard of is not available."""
    if state is None:
        return UNHEARD
    if state.status is S.AVAILABLE and ConnectorFlag.RESERVED in state.flags:
        return RESERVED
    return LOOKS[state.status]
