"""Signed updates: the certificate hangs below a root of the maker, the signature is one of the file."""

from __future__ import annotations

import asyncio
import base64
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID

from fota.questions import Signed
from fota.signing import answer
from tests.fota import parcels
from tests.fota.bench import START, Bench

NOW = START
URL = "http://files.example/new.cpk"


@cache
def key(name: str) -> Any:
    if name.startswith("rsa"):
        return rsa.generate_private_key(65537, 1024 if name.endswith("small") else 2048)
    return ed25519.Ed25519PrivateKey.generate() if name.startswith("ed") else ec.generate_private_key(ec.SECP256R1())


def certificate(
    name: str,
    issuer: str,
    *,
    is_authority: bool = False,
    since: datetime = NOW - timedelta(days=1),
    until: datetime = NOW + timedelta(days=30),
    usage: bool | None = None,
) -> str:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key(name).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
    )
    if usage is not None:
        flags = dict.fromkeys(
            ("content_commitment", "data_encipherment", "key_agreement", "crl_sign", "encipher_only", "decipher_only"),
            False,
        )
        uses = x509.KeyUsage(digital_signature=usage, key_encipherment=True, key_cert_sign=False, **flags)
        builder = builder.add_extension(uses, critical=True)
    signed = builder.sign(key(issuer), None if issuer.startswith("ed") else hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def sign(name: str, content: bytes, way: str = "") -> str:
    private = key(name)
    if isinstance(private, rsa.RSAPrivateKey):
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        signature = private.sign(content, padding.PKCS1v15() if way == "v15" else pss, hashes.SHA256())
    elif isinstance(private, ec.EllipticCurvePrivateKey):
        signature = private.sign(content, ec.ECDSA(hashes.SHA256()))
    else:
        digest = hashes.Hash(hashes.SHA256())
        digest.update(content)
        signature = private.sign(digest.finalize())
    return base64.b64encode(signature).decode()


def maker() -> str:
    return certificate("root", "root", is_authority=True)


@pytest.mark.parametrize(("name", "way"), [("rsa signer", ""), ("rsa signer", "v15"), ("ec signer", ""), ("ed s", "")])
def test_a_signature_of_the_file_below_the_root_is_good(tmp_path: Path, name: str, way: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"firmware" * 1000)
    asked = Signed(
        certificate=certificate(name, "root"), roots=(certificate("ec other", "ec other", is_authority=True), maker()),
        signature=sign(name, file.read_bytes(), way), file=str(file), now=NOW,
    )  # fmt: skip
    assert answer(asked).ok
    file.write_bytes(b"firmware" * 999)
    assert answer(asked).code == "invalid_signature"


def test_one_between_is_taken_from_the_chain() -> None:
    chain = certificate("ec signer", "ec between") + certificate("ec between", "root", is_authority=True)
    assert answer(Signed(certificate=chain, roots=(maker(),), now=NOW)).ok
    bad = certificate("ec signer", "ec between") + certificate("ec between", "root")
    assert not answer(Signed(certificate=bad, roots=(maker(),), now=NOW)).ok


@pytest.mark.parametrize(
    ("pem", "words"),
    [
        (lambda: certificate("ec signer", "ec other"), "does not hang below"),
        (lambda: certificate("ec signer", "ec signer"), "does not hang below"),
        (lambda: certificate("ec signer", "root", until=NOW - timedelta(hours=1)), "ended on"),
        (lambda: certificate("ec signer", "root", since=NOW + timedelta(hours=1)), "not valid before"),
        (lambda: certificate("rsa small", "root"), "too short"),
        (lambda: certificate("ec signer", "root", usage=False), "not for signatures"),
        (lambda: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"),
    ],
)
def test_another_certificate_is_not_trusted(pem: Any, words: str) -> None:
    found = answer(Signed(certificate=pem(), roots=(maker(),), now=NOW))
    assert found.code == "invalid_certificate"
    assert words in found.text


def test_without_a_root_or_a_clock_no_certificate_is_trusted() -> None:
    pem = certificate("ec signer", "root")
    assert "no root" in answer(Signed(certificate=pem, roots=(), now=NOW)).text
    assert "clock" in answer(Signed(certificate=pem, roots=(maker(),))).text


@pytest.mark.ocpp("L01-verified")
async def test_a_signed_update_is_installed_and_one_signed_wrongly_is_not(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        file = parcels.application(tmp_path, "1.1.0.0")
        bench.serve(URL, file)
        signed: dict[str, Any] = {"certificate": certificate("ec signer", "root"), "roots": (maker(),), "request_id": 7}
        other = await bench.begin(URL, **{**signed, "roots": (certificate("ec x", "ec x", is_authority=True),)})
        assert other.code == "invalid_certificate"
        assert (await bench.begin(URL, **signed, signature=sign("ec signer", b"something else"))).ok
        await bench.stage("failed")
        assert bench.told[-2:] == [("Downloaded", 7), ("InvalidSignature", 7)]
        assert bench.left_behind() == []
        assert (await bench.begin(URL, **signed, signature=sign("ec signer", file.read_bytes()))).ok
        await bench.stage("done")
        await asyncio.sleep(1)
        assert bench.told[-1] == ("Installed", 7)
        assert ("SignatureVerified", 7) in bench.told
