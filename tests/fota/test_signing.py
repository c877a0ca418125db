"""Signed updates: the certificate hangs below a root of the maker, the signature is one of the file."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID

from chargepoint.layout import Layout
from chargepoint.messages import SecurityNoted
from fota.questions import Family, Signed, Verified
from fota.signing import answer, fingerprint, main
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


def printed(name: str) -> str:
    """The fingerprint of every certificate of that name, taken in the way the documents tell."""
    told = (
        key(name).public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return hashlib.sha256(told).hexdigest()


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


@pytest.mark.ocpp("L01-revoked")
@pytest.mark.parametrize("name", ["ec signer", "ec between", "root"])
def test_one_that_was_revoked_or_hangs_below_such_a_one_is_told_as_revoked(name: str) -> None:
    chain = certificate("ec signer", "ec between") + certificate("ec between", "root", is_authority=True)
    asked = Signed(certificate=chain, roots=(maker(),), now=NOW)
    found = answer(asked, frozenset({printed(name)}))
    assert (found.ok, found.code) == (False, "revoked_certificate")
    assert name in found.text
    assert answer(asked, frozenset({printed("ec other")})).ok


def test_what_was_revoked_is_so_also_when_it_is_issued_anew_or_over() -> None:
    revoked = frozenset({printed("ec signer")})
    for pem in (certificate("ec signer", "root"), certificate("ec signer", "root", until=NOW - timedelta(hours=1))):
        assert answer(Signed(certificate=pem, roots=(maker(),), now=NOW), revoked).code == "revoked_certificate"


COMPRESSED = """-----BEGIN CERTIFICATE-----
MIIBVTCB/aADAgECAhR4rLHPPjCQMvLiYhw0kRS8kNxUZTAKBggqhkjOPQQDAjAR
MQ8wDQYDVQQDDAZlY2NvbXAwHhcNMjYxMTIyMDg1NDM3WhcNMjYxMjIyMDg1NDM3
WjARMQ8wDQYDVQQDDAZlY2NvbXAwOTATBgcqhkjOPQIBBggqhkjOPQMBBwMiAAPL
p0tDkfyUiQG6QDWJGL4LzbzfB3eGTyOY3gXSS+AjZ6NTMFEwHQYDVR0OBBYEFF4w
m2csEMqUkhr/PG2EiYMyzRTHMB8GA1UdIwQYMBaAFF4wm2csEMqUkhr/PG2EiYMy
zRTHMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgNLW1TSNNL0df
gEn+Ja7fCI9xgpewTyt7q1mQoXQxxB8CIHfByJoPTHYG/Uy35Geq99PDGyz+ER4v
kyGP2eSFouRC
-----END CERTIFICATE-----
"""
"""Its point is written compressed; what `openssl x509 -pubkey | openssl pkey -pubin -outform DER | sha256sum` says:"""
TOLD_BY_OPENSSL = "ca1f309761cb3356aa339d84708a22614f2d2c1e5d0bb4fbe9557416b99fb369"


def test_a_key_that_is_written_in_another_way_is_revoked_by_what_openssl_says_of_it() -> None:
    asked = Signed(certificate=COMPRESSED, roots=(certificate("maker", "maker", is_authority=True),), now=NOW)
    (known,) = x509.load_pem_x509_certificates(COMPRESSED.encode())
    assert fingerprint(known) != TOLD_BY_OPENSSL
    for told in (TOLD_BY_OPENSSL, fingerprint(known)):
        assert answer(asked, frozenset({told})).code == "revoked_certificate"
    assert answer(asked).code == "invalid_certificate"


def test_a_list_of_keys_that_cannot_be_read_trusts_no_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keys, slots = tmp_path / "keys", tmp_path / "slots"
    keys.mkdir()
    slots.mkdir()
    asked = msgspec.json.encode(Signed(certificate=certificate("ec signer", "root"), roots=(maker(),), now=NOW))

    def told() -> str:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(asked)))
        assert main(["--keys", str(keys), "--slots", str(slots)]) == 0
        return msgspec.json.decode(capsys.readouterr().out, type=Verified).code

    assert told() == "ok"
    (keys / "trust.json").write_bytes(msgspec.json.encode(parcels.trust_file(revoked=(printed("root"),))))
    assert told() == "revoked_certificate"
    (slots / "trust.json").write_text("{")
    assert told() == "failed"


@pytest.mark.realtime
async def test_the_service_asks_a_child_that_reads_the_lists_of_the_machine(tmp_path: Path) -> None:
    machine = parcels.Machine(tmp_path)
    machine.trust(parcels.trust_file(revoked=(printed("ec signer"),)))
    place = machine.place
    family = Family(Layout(place.factory, place.slots, place.keys))
    found = await family.check_signed(Signed(certificate=certificate("ec signer", "root"), roots=(maker(),), now=NOW))
    assert (found.ok, found.code) == (False, "revoked_certificate")


@pytest.mark.ocpp("A04-InvalidFirmwareSigningCertificate")
async def test_one_revoked_while_the_update_is_fetched_ends_it_with_its_event(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        events = bench.buses["station"].subscribe(SecurityNoted)
        file = parcels.application(tmp_path, "1.1.0.0")
        bench.serve(URL, file)
        signed: dict[str, Any] = {
            "certificate": certificate("ec signer", "root"), "roots": (maker(),), "request_id": 7,
            "signature": sign("ec signer", file.read_bytes()),
        }  # fmt: skip
        assert (await bench.begin(URL, **signed)).ok
        bench.machine.trust(parcels.trust_file(revoked=(printed("ec signer"),)))
        await bench.stage("failed")
        assert bench.told[-1] == ("InvalidSignature", 7)
        assert bench.left_behind() == []
        event = await anext(events)
        assert event.type == "InvalidFirmwareSigningCertificate"
        assert "was revoked" in event.extra
        assert (await bench.begin(URL, **signed)).code == "revoked_certificate"


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
