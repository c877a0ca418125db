"""The web's own certificate: made once for each unit, from its own key, with its names and addresses (S17).

A copy of the data directory on another board makes its own. Browsers do not know it; its fingerprint is shown on the
station's screen and at `/certificates`, to be compared. One signed by somebody browsers trust may take its place
(`web.crt` and `web.key` in the service's folder).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import socket
import ssl
import sys
from contextlib import suppress
from pathlib import Path

from chargepoint.config import Settings

log = logging.getLogger(__name__)

CERTIFICATE, KEY, UNIT = "web.crt", "web.key", "web.unit"
MACHINE = (Path("/proc/device-tree/serial-number"), Path("/etc/machine-id"))
"""What a board is known by: the first of these that there is."""
MAKE = [sys.executable, "-P", "-m", "webconfig.make_certificate"]
"""In a process of its own: the library for it takes memory that serving pages does not need."""


async def server_context(folder: Path, settings: Settings) -> ssl.SSLContext:
    """TLS 1.2 or better with the unit's certificate, which is made when there is none that can be read.

    Raises OSError when none can be made.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if _is_of_another_unit(folder):
            log.warning("the certificate of the web pages was made on another unit; this one makes its own")
            raise OSError
        context.load_cert_chain(folder / CERTIFICATE, folder / KEY)
    except (OSError, ssl.SSLError):
        names = (settings.station.name, socket.gethostname(), f"{socket.gethostname()}.local", *settings.web.host_names)
        process = await asyncio.create_subprocess_exec(*MAKE, str(folder), *names, env={**os.environ})
        if await process.wait():
            raise OSError(f"no certificate for the web pages could be made in {folder}") from None
        context.load_cert_chain(folder / CERTIFICATE, folder / KEY)
        (folder / UNIT).write_text(_unit(folder), encoding="ascii")
    return context


def _is_of_another_unit(folder: Path) -> bool:
    """A data directory that was copied to another board brings a key with it that two units must not share. Only of
    the certificate made here this is known: one that somebody put in its place is his care."""
    try:
        known = (folder / UNIT).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return False
    return known.partition(" ")[0] == fingerprint(folder) and known != _unit(folder)


def _unit(folder: Path) -> str:
    """The certificate and the machine it was made on."""
    machine = b""
    for path in MACHINE:
        with suppress(OSError):
            machine = machine or path.read_bytes().strip()
    return f"{fingerprint(folder)} {hashlib.sha256(b'web certificate' + machine).hexdigest()[:32]}"


def fingerprint(folder: Path) -> str:
    """SHA-256 of the certificate served, as browsers show it (`AB:CD:..`); empty when there is none."""
    try:
        text = (folder / CERTIFICATE).read_text(encoding="ascii")
        end = "-----END CERTIFICATE-----"
        der = ssl.PEM_cert_to_DER_cert(text[: text.index(end) + len(end)])
    except (OSError, ValueError):
        return ""
    return hashlib.sha256(der).digest().hex(":").upper()
