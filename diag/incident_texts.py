"""An incident as a message: the variables of statuses.md 15 filled into a template's text (pure).

A placeholder `{NAME}` of a known variable becomes its value, empty where this incident has none; an unknown one stays
as it is, and is named, so that whoever wrote the template sees it. What is filled in is never looked at again.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from chargepoint.config import Settings
from chargepoint.journal_text import clean
from chargepoint.messages import Incident

VARIABLES = (
    "Trouble_Type", "Trouble_Device_Type", "Trouble_Date_Occured", "Trouble_Info", "TroubleData_Contactor",
    "TroubleData_Module", "TroubleData_OCPP", "TroubleData_Transaction", "TroubleData_User", "TroubleData_FileName",
    "TroubleData_Message", "TroubleData_Stage", "TroubleData_Error", "TroubleData_Progress",
    "TroubleData_BadMessagesCount", "TroubleData_MinTemperature", "TroubleData_MaxTemperature",
    "TroubleData_CurrentTemperature", "TroubleData_FreeStorageBytes", "TroubleData_Terminal",
    "TroubleData_CertificateExpirationDate", "TroubleData_DeviceName", "TroubleData_BoardControllerNumber",
    "TroubleData_SensorNumber", "TroubleData_SensorType", "Terminal_Number", "Terminal_Name", "Terminal_Address",
)  # fmt: skip
"""All there are, spelled as there."""

TEMPLATES: dict[str, str] = {
    "incident": "{Terminal_Name}: {Trouble_Type} ({Trouble_Device_Type} {TroubleData_DeviceName}), "
    "{Trouble_Date_Occured}. {Trouble_Info}",
    "incident_resolved": "{Terminal_Name}: {Trouble_Type} ({Trouble_Device_Type} {TroubleData_DeviceName}) is over; "
    "it began {Trouble_Date_Occured}.",
}
"""Texts where nobody wrote others."""
TemplateType = Literal["incident", "incident_resolved"]
PLACEHOLDER = re.compile(r"\{([A-Za-z][A-Za-z0-9_]{0,60})\}")
MOST_CHARACTERS = 300
"""Of one value."""


class Rendered(msgspec.Struct, frozen=True):
    """`unknown`: placeholders that are no variable, each once, in the order met."""

    text: str
    unknown: tuple[str, ...] = ()


def station_variables(settings: Settings) -> dict[str, str]:
    """What the station file says of the terminal."""
    station = settings.station
    return {
        "Terminal_Number": station.charge_point_serial_number or station.name,
        "Terminal_Name": station.name,
        "Terminal_Address": station.address,
        "TroubleData_Terminal": station.name,
    }


def render(template: str, incident: Incident) -> Rendered:
    """Fill in. The incident carries its variables, with those of the station."""
    unknown: list[str] = []

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name in VARIABLES:
            return clean(incident.variables.get(name, ""))[:MOST_CHARACTERS]
        if name not in unknown:
            unknown.append(name)
        return found[0]

    return Rendered(PLACEHOLDER.sub(value, template), tuple(unknown))


def message_of(incident: Incident) -> Rendered:
    """The usual text: of the incident, or once it is over that it is."""
    kind: TemplateType = "incident" if incident.is_open else "incident_resolved"
    return render(TEMPLATES[kind], incident)
