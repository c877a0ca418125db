"""What is wrong now, as the states say it, each with the page that mends it (technician.md 7). Pure."""

from __future__ import annotations

import msgspec

from chargepoint.messages import DeviceState, InputState, OutputState, ReaderState, ServiceState
from chargepoint.vocabulary import Cause, ConnectorFlag, ConnectorStatus, LinkState
from hmi.technician.wordings import phrase
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
            code = " ".join(part for part in (state.vendor_error_code, _word(words, "cause", state.cause)) if part)
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
                found.append(Trouble(f"{heard.name}: {_word(words, 'cause', heard.cause.value)}", "TechnikModules"))
            case InputState() if heard.is_latched:
                text = f"{words('tech.input')} {heard.name}: {_word(words, 'input', heard.function.value)}"
                found.append(Trouble(text, "TechnikDiagnostics"))
            case DeviceState() if not heard.is_answering or heard.note:
                why = phrase(words, heard.note or heard.last_error) or words("tech.silent")
                found.append(Trouble(f"{_word(words, 'kind', heard.kind)} {heard.name}: {why}", "TechnikDiagnostics"))
            case ServiceState() if heard.status in ("parked", "hung"):
                text = f"{words('tech.service')} {heard.name}: {_word(words, 'sstate', heard.status)}"
                found.append(Trouble(text, "TechnikTerminalPage"))
            case ReaderState() if not heard.is_answering:
                text = f"{words('tech.reader')} {heard.name}: {phrase(words, heard.error) or words('tech.silent')}"
                found.append(Trouble(text, "RfidReaderTestPage"))
    if seen.link is not None and seen.link.state is LinkState.OFFLINE:
        found.append(Trouble(words("app.offline"), "TechnikTerminalPage", is_grave=False))
    return sorted(found, key=lambda each: not each.is_grave)


def _word(words: Words, section: str, value: str) -> str:
    return words(f"{section}.{value}") if words.has(f"{section}.{value}") else value
