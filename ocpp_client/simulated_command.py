"""The command line of the simulated central system: `python -m ocpp_client.simulated`.

With `--tls DIR` it has an authority of its own, made anew at each start. DIR then holds `root.pem` (for `ca_file` of a
station) and for each `--station NAME` the file `secrets-NAME.toml`, to be copied as secrets.toml beside station.toml.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import ssl
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ocpp_client.authorization_key import key_of_file
from ocpp_client.simulated_authority import Authority, Issued, Signing
from ocpp_client.simulated_control import Control

if TYPE_CHECKING:
    from ocpp_client.simulated import CentralSystem


def main(make: Callable[..., CentralSystem], arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM. `make` makes the central system; the exit status is 0, or 2 for wrong use."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.station and given.tls is None:
        parser.error("--station makes certificates; give --tls DIR for them to lie in, too")
    logging.basicConfig(level=logging.INFO if given.verbose else logging.WARNING, stream=sys.stderr)
    host, port = given.listen
    root = Authority.root("Simulated central system")
    tls = None
    if given.tls is not None:
        try:
            tls = _tls(given.tls, root, host, given.station)
        except OSError as error:
            parser.error(f"--tls {given.tls}: {error.strerror or error}; name a folder that can be written to")
    system = make(host=host, port=port, repeats_get_a_new_id=given.new_ids, tls=tls)
    system.signing = Signing(root) if given.sign else None
    system.passwords = dict(given.password) if given.password else None
    asyncio.run(_serve(system, *given.control))
    return 0


async def _serve(system: CentralSystem, host: str, port: int) -> None:
    """Say both addresses as one line of JSON on standard output, and serve."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with system, Control(system, host, port) as door:
        print(json.dumps({"url": system.url, "control": door.url}), flush=True)
        await ended.wait()


def _tls(folder: Path, root: Authority, host: str, stations: list[str]) -> ssl.SSLContext:
    """TLS of the server; it asks for certificates, and insists on them once `stations` are named. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "root.pem").write_text(root.pem)
    for station in stations:
        issued = root.station(station)
        _write_secret(
            folder / f"secrets-{station}.toml",
            f'ocpp_client_key = """\n{issued.key_pem.decode()}"""\n'
            f'ocpp_client_certificate = """\n{issued.chain_pem}"""\n',
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load(context, root.server(*dict.fromkeys((host, "localhost", "127.0.0.1"))))
    context.verify_mode = ssl.CERT_REQUIRED if stations else ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=root.pem)
    return context


def _load(context: ssl.SSLContext, issued: Issued) -> None:
    """`ssl` reads chain and key from a file only; it is gone afterwards."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(issued.key_pem + issued.chain_pem.encode())
        file.flush()
        context.load_cert_chain(file.name)


def _write_secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ocpp_client.simulated",
        description="A simulated OCPP 1.6J central system, to try a station with. It prints its addresses as JSON.",
    )
    parser.add_argument("--listen", type=_address, default="127.0.0.1:0", metavar="HOST:PORT", help="for stations")
    parser.add_argument("--control", type=_address, default="127.0.0.1:0", metavar="HOST:PORT", help="HTTP, JSON")
    parser.add_argument(
        "--password",
        type=_password,
        action="append",
        metavar="NAME:KEY",
        help="only named stations may connect, each with its key (digits as in secrets.toml, or text)",
    )
    parser.add_argument("--tls", type=Path, metavar="DIR", help="wss://; DIR/root.pem is what stations have to trust")
    parser.add_argument(
        "--station",
        action="append",
        default=[],
        metavar="NAME",
        help="with --tls: stations have to show a certificate; DIR/secrets-NAME.toml is made with this one's",
    )
    parser.add_argument("--sign", action="store_true", help="sign what SignCertificate asks for (GET /root)")
    parser.add_argument("--new-ids", action="store_true", help="do not recognise repeats of StartTransaction")
    parser.add_argument("--verbose", action="store_true", help="log connections to standard error")
    return parser


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host or "127.0.0.1", int(port)


def _password(text: str) -> tuple[str, bytes]:
    station, colon, key = text.partition(":")
    if not (station and colon and key):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME:KEY")
    return station, key_of_file(key)
