"""Certificates of the tests, made once for the whole run: a root with all that hangs below it, and what is wrong.

All of them are valid today (a real TLS server looks at the real clock) and at the time at which the benches live. A
context of `ssl` wants files: `files(folder, issued)` writes a chain and its key.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from ocpp_client.simulated_authority import Authority, Issued, new_key

SERIAL, CPO = "CP1", "Test operator"
PAST = datetime(2025, 6, 1, tzinfo=UTC)
FUTURE = datetime(2049, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Pki:
    """`root` -> `intermediate` -> `server`, `station`; `other` is a root that nothing here hangs below."""

    root: Authority
    intermediate: Authority
    other: Authority
    server: Issued
    """For 127.0.0.1 and localhost."""
    station: Issued
    """CN SERIAL, O CPO; with its key."""
    expired_server: Issued
    future_server: Issued
    other_name_server: Issued
    """For another host: the name does not fit."""
    other_server: Issued
    """For 127.0.0.1, by the root that is not known."""
    expired_root: Authority
    future_root: Authority
    no_authority: Authority
    """Self-signed, yet not allowed to sign others."""


@cache
def pki() -> Pki:
    root = Authority.root("Test root")
    intermediate = root.below("Test intermediate")
    other = Authority.root("Other root")
    return Pki(
        root=root,
        intermediate=intermediate,
        other=other,
        server=intermediate.server(),
        station=intermediate.station(SERIAL, CPO),
        expired_server=intermediate.server(valid_to=PAST),
        future_server=intermediate.server(valid_from=FUTURE),
        other_name_server=intermediate.server("central.example"),
        other_server=other.server(),
        expired_root=Authority.root("Expired root", valid_to=PAST),
        future_root=Authority.root("Future root", valid_from=FUTURE),
        no_authority=Authority.root("No authority", is_ca=False),
    )


@cache
def rsa_root(bits: int = 2048) -> Authority:
    """2048 and 3072 are fine; 1024 is too weak."""
    return Authority.root(f"RSA root {bits}", kind=f"rsa{bits}")


@cache
def rsa_server(bits: int = 2048) -> Issued:
    """For 127.0.0.1 and localhost, below `rsa_root(2048)`."""
    return rsa_root(2048).server(kind=f"rsa{bits}")


def files(folder: Path, issued: Issued) -> tuple[Path, Path]:
    """Write the chain and the key of `issued`: their paths, as ssl wants them."""
    stem = f"{issued.certificate.serial_number:x}"
    chain, key = folder / f"{stem}.pem", folder / f"{stem}.key"
    chain.write_text(issued.chain_pem)
    key.touch(mode=0o600)
    key.write_bytes(issued.key_pem)
    return chain, key


def server_context(folder: Path, server: Issued, *, client_root: Authority | None = None) -> ssl.SSLContext:
    """TLS of a server; with `client_root` stations have to show a certificate below it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files(folder, server))
    if client_root is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=client_root.pem)
    return context


__all__ = [
    "CPO", "FUTURE", "PAST", "SERIAL", "Authority", "Issued", "Pki", "files", "new_key", "pki", "rsa_root",
    "rsa_server", "server_context",
]  # fmt: skip
