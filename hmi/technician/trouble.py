"""What is wrong now, as the states say it, each with the page that mends it (technician.md 7). Pure."""

from __future__ import annotations

import msgspec

from chargepoint.messages import DeviceState, InputState, OutputState, ReaderState, ServiceState
from chargepoint.vocabulary import Cause, ConnectorFlag, ConnectorStatus, LinkState
from hmi.view import Seen
from hmi.words import Words


class Trouble(msgspec.Struct, frozen=True):
    """One incident: a sentence and where to go."""

    text: str
    screen: str
    connector: int = 0
    is_grave: bool = True


def troubles(seen: Seen, words: Words) -> list[Trouble]:
    """The gravest first."""
    found: list[Trouble] = []
    for number, state in sorted(seen.connectors.items()):
        named = words("menu.connector", n=number)
        if state.status is ConnectorStatus.EMERGENCY_OFF:
            found.append(Trouble(f"{named}: {words('st.emergency')}", "ChargeControllerTestPage", number))
        elif state.status is ConnectorStatus.ERROR:
            code = " ".join(part for part in (state.vendor_error_code, state.cause) if part)
            found.append(Trouble(f"{named}: {words('st.error')} {code}".strip(), "ChargeControllerTestPage", number))
        elif ConnectorFlag.NO_LINK in state.flags:
            found.append(Trouble(f"{named}: {words('fl.NO_LINK')}", "ChargeControllerTestPage", number))
        elif state.status is ConnectorStatus.METER_ERROR:
            found.append(Trouble(f"{named}: {words('st.meter_error')}", "ChargeControllerTestPage", number))
        elif ConnectorFlag.BLOCKED in state.flags:
            found.append(Trouble(f"{named}: {words('fl.BLOCKED')}", "ChargeControllerTestPage", number, False))
    for _, heard in sorted(seen.states.items()):
        match heard:
            case OutputState() if heard.cause is not Cause.NONE:
                found.append(Trouble(f"{heard.name}: {heard.cause.value}", "TechnikModules"))
            case InputState() if heard.is_latched:
                text = f"{words('tech.input')} {heard.name}: {heard.function.value}"
                found.append(Trouble(text, "TechnikDiagnostics"))
            case DeviceState() if not heard.is_answering or heard.note:
                why = heard.note or heard.last_error or words("tech.silent")
                found.append(Trouble(f"{heard.kind} {heard.name}: {why}", "TechnikDiagnostics"))
            case ServiceState() if heard.status in ("parked", "hung"):
                found.append(Trouble(f"{words('tech.service')} {heard.name}: {heard.status}", "TechnikTerminalPage"))
            case ReaderState() if not heard.is_answering:
                text = f"{words('tech.reader')} {heard.name}: {heard.error or words('tech.silent')}"
                found.append(Trouble(text, "RfidReaderTestPage"))
    if seen.link is not None and seen.link.state is LinkState.OFFLINE:
        found.append(Trouble(words("app.offline"), "TechnikTerminalPage", is_grave=False))
    return sorted(found, key=lambda each: not each.is_grave)
