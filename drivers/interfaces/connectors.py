"""What kinds of connector there are, and of current."""

from __future__ import annotations

import enum


class PowerType(enum.StrEnum):
    AC = "AC"
    DC = "DC"


class ConnectorType(enum.StrEnum):
    """S2 7.1.2.1; CCS1, SCHUKO and NACS are ours."""

    TYPE1 = "TYPE1"
    TYPE2 = "TYPE2"
    GBT_AC = "GBT_AC"
    GBT = "GBT"
    CHADEMO = "CHADEMO"
    CCS2 = "CCS2"
    TESLA = "TESLA"
    UNKNOWN = "UNKNOWN"
    CCS1 = "CCS1"
    SCHUKO = "SCHUKO"
    NACS = "NACS"

    @property
    def power_type(self) -> PowerType:
        """The kind of current this connector carries."""
        return PowerType.DC if self in _DC_TYPES else PowerType.AC


_DC_TYPES = frozenset({ConnectorType.GBT, ConnectorType.CHADEMO, ConnectorType.CCS2, ConnectorType.CCS1})
