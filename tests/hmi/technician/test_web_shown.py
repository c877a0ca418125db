"""The station's own web pages at the technician's page: where they are, and the fingerprint of their certificate."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from chargepoint.messages import WebState
from hmi.drawing.items import Text
from hmi.samples import PANELS, Sample, look, view
from hmi.screens import SCREENS
from hmi.technician.samples import samples

NAME = "TechnikTerminalPage"
NETWORK = next(sample for sample in samples() if sample.name == f"{NAME} network")
TALL = next(panel for panel in PANELS if (panel.width, panel.height) == (1080, 1920))
"""The page is whole there; smaller panels turn it over."""
FINGERPRINT = bytes(range(160, 192)).hex(":").upper()


def texts(panel: object, web: WebState | None, language: str = "en") -> list[str]:
    seen = replace(NETWORK.seen, states={**NETWORK.seen.states, **({"web": web} if web else {})})
    picture = SCREENS[NAME].picture(view(Sample(NAME, NETWORK.place, seen), look(panel), language))  # type: ignore[arg-type]
    return [item.text for item in picture.items if isinstance(item, Text)]


@pytest.mark.parametrize("language", ["ru", "en", "kk"])
def test_the_fingerprint_is_shown_whole(language: str) -> None:
    found = texts(TALL, WebState(https_port=8443, http_port=8080, fingerprint=FINGERPRINT), language)
    assert {FINGERPRINT[:47], FINGERPRINT[48:]} <= set(found)


def test_without_web_pages_there_is_no_fingerprint() -> None:
    assert not [text for text in texts(PANELS[0], None) if "SHA-256" in text]
