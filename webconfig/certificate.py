"""The web's own certificate: made once for each unit, from its own key, with its names and addresses (S17).

Browsers do not know it; its fingerprint is shown on the station's screen and at `/certificates`, to be compared. One
signed by somebody browsers trust may take its place (`web.crt` and `web.key` in the service's folder).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import ssl
import sys
from pathlib import Path

from chargepoint.config import Settings

CERTIFICATE, KEY = "web.crt", "web.key"
MAKE = [sys.executable, "-m", "webconfig.make_certificate"]
"""In a process of its own: the library for it takes memory that serving pages does not need."""


async def server_context(folder: Path, settings: Settings) -> ssl.SSLContext:
    """TLS 1.2 or better with the unit's certificate, which is made when there is none that can be read.

    Raises OSError when none can be made.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(folder / CERTIFICATE, folder / KEY)
    except (OSError, ssl.SSLError):
        names = (settings.station.name, socket.gethostname(), f"{socket.gethostname()}.local", *settings.web.host_names)
        process = await asyncio.create_subprocess_exec(*MAKE, str(folder), *names, env={**os.environ})
        if await process.wait():
            raise OSError(f"no certificate for the web pages could be made in {folder}") from None
        context.load_cert_chain(folder / CERTIFICATE, folder / KEY)
    return context


def fingerprint(folder: Path) -> str:
    """SHA-256 of the certificate served, as browsers show it (`AB:CD:..`); empty when there is none."""
    try:
        text = (folder / CERTIFICATE).read_text(encoding="ascii")
        end = "-----END CERTIFICATE-----"
        der = ssl.PEM_cert_to_DER_cert(text[: text.index(end) + len(end)])
    except (OSError, ValueError):
        return ""
    return hashlib.sha256(der).digest().hex(":").upper()
