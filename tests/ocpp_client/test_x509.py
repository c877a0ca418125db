"""Certificates read and judged, their hash data compared with what openssl says."""

from __future__ import annotations

import hashlib
import random
import subprocess
from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509 as library
from cryptography.hazmat.primitives.serialization import Encoding

from ocpp_client import x509
from ocpp_client.certificate_words import HashData, Instant, Unfit, Wanted
from ocpp_client.simulated_authority import SERVER, Authority, name
from tests.ocpp_client.pki import CPO, FUTURE, PAST, SERIAL, pki, rsa_root

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KNOWN, FLOOR = Instant(NOW), Instant(NOW, is_exact=False)
WANTED = Wanted(SERIAL, CPO, roots=(pki().root.own.certificate,))


def chain(issued: object) -> tuple[library.Certificate, ...]:
    return (issued.certificate, *issued.issuers)  # type: ignore[attr-defined]


def asked() -> tuple[bytes, str]:
    """A fresh key and the request for it."""
    key = x509.new_private_key()
    return key, x509.request_for(key, SERIAL, CPO)


# ------------------------------------------------------------------------------------------------------------ reading


def test_a_chain_is_read_in_its_order_with_whatever_line_ends() -> None:
    text = pki().station.chain_pem
    for written in (text, text.replace("\n", "\r\n"), text.replace("\n", "\\n"), f"\n words before\n{text}\n\n"):
        assert x509.read_chain(written) == chain(pki().station)


@pytest.mark.parametrize(
    "text, why",
    [
        ("", "no certificate"),
        ("hello", "no certificate"),
        ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "cannot be read"),
        ("-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----", "cannot be read"),
        (pki().root.pem[:200], "no certificate"),
        (pki().root.pem + pki().root.pem[:200], "cut off"),
        (pki().root.pem.replace("M", "N", 1), "cannot be read"),
        (pki().root.pem * 11, "at most 10"),
        (pki().station.key_pem.decode(), "PRIVATE KEY"),
        (pki().root.pem + "ключ-----", "cut off"),
    ],
)
def test_what_is_no_certificate_is_refused(text: str, why: str) -> None:
    with pytest.raises(Unfit, match=why) as caught:
        x509.read_chain(text)
    assert "MII" not in str(caught.value)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_bytes_a_certificate_is_made_of_it_is_judged_and_nothing_else_happens(seed: int) -> None:
    chance = random.Random(seed)
    whole = (pki().root, rsa_root(), pki().intermediate)[seed].own.certificate.public_bytes(Encoding.DER)
    known = (pki().root.own.certificate,)
    judged = 0
    for _ in range(400):
        der = bytearray(whole)
        for _ in range(chance.choice((1, 1, 2, 5))):
            der[chance.randrange(len(der))] = chance.randrange(256)
        text = f"-----BEGIN CERTIFICATE-----\n{b64encode(der).decode()}\n-----END CERTIFICATE-----"
        for judge in (
            lambda text=text: x509.check_root(text, KNOWN, known),
            lambda text=text: x509.check_own_chain(x509.read_chain(text), WANTED, KNOWN),
            lambda text=text: x509.hash_data(x509.read_one(text), known[0]),
        ):
            with suppress(Unfit):
                judge()
                judged += 1
    assert judged


# -------------------------------------------------------------------------------------------------------------- roots


@pytest.mark.parametrize("root", [pki().root, pki().other, rsa_root(2048), rsa_root(3072)])
def test_a_good_root_is_its_own_issuer(root: Authority) -> None:
    assert x509.check_root(root.pem, KNOWN) == (root.own.certificate, root.own.certificate)


@pytest.mark.parametrize(
    "text, why",
    [
        (pki().root.pem + pki().other.pem, "2 certificates"),
        (pki().no_authority.pem, "not that of an authority"),
        (pki().server.pem, "not that of an authority"),
        (pki().expired_root.pem, "ran out on 2025-06-01"),
        (pki().future_root.pem, "holds only from 2049-01-01"),
        (rsa_root(1024).pem, "1024 bits"),
        (pki().intermediate.pem, "neither by itself nor by a root"),
    ],
)
def test_a_bad_root_is_refused(text: str, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        x509.check_root(text, KNOWN)


def test_a_root_below_a_known_one_is_taken_with_its_issuer() -> None:
    root, below = pki().root.own.certificate, pki().intermediate
    assert x509.check_root(below.pem, KNOWN, (pki().other.own.certificate, root)) == (below.own.certificate, root)


def test_with_an_unknown_clock_only_what_surely_ended_is_refused() -> None:
    with pytest.raises(Unfit, match="ran out"):
        x509.check_root(pki().expired_root.pem, FLOOR)
    x509.check_root(pki().future_root.pem, FLOOR)


def test_a_root_that_was_changed_is_refused() -> None:
    forged = Authority.root("Test root").own.certificate  # the name of another, an own key
    assert not x509.is_signed_by(pki().intermediate.own.certificate, forged)


# -------------------------------------------------------------------------------------------------------- hash data


def openssl(*arguments: str, stdin: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, check=True, timeout=20).stdout


@pytest.mark.ocpp("M03-hash")
@pytest.mark.parametrize("algorithm", ["SHA256", "SHA384", "SHA512"])
@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_hash_data_is_that_of_an_ocsp_request_of_openssl(tmp_path: Path, algorithm: str, kind: str) -> None:
    root = pki().root if kind == "ec" else rsa_root()
    issued = root.below("Below")
    (tmp_path / "issuer.pem").write_text(root.pem)
    (tmp_path / "cert.pem").write_text(issued.pem)
    text = openssl(
        "ocsp", "-issuer", str(tmp_path / "issuer.pem"), f"-{algorithm.lower()}", "-cert", str(tmp_path / "cert.pem"),
        "-req_text", "-no_nonce",
    ).decode()  # fmt: skip
    said = {
        key.strip().lower(): value.strip().lower()
        for key, _, value in (line.partition(":") for line in text.replace("\\\n", "").splitlines())
    }
    found = x509.hash_data(issued.own.certificate, root.own.certificate, algorithm)
    assert (found.issuer_name_hash, found.issuer_key_hash) == (said["issuer name hash"], said["issuer key hash"])
    assert found.serial_number == said["serial number"].lstrip("0")


@pytest.mark.ocpp("M03-hash")
def test_hash_data_by_another_way() -> None:
    root = pki().root.own.certificate
    found = x509.hash_data(root, root)
    key_id = library.SubjectKeyIdentifier.from_public_key(root.public_key()).digest  # SHA-1 of the same bits
    assert hashlib.sha1(x509.key_bits(root)).digest() == key_id
    assert found.issuer_name_hash == hashlib.sha256(root.subject.public_bytes()).hexdigest()
    assert found.issuer_key_hash == hashlib.sha256(x509.key_bits(root)).hexdigest()
    assert int(found.serial_number, 16) == root.serial_number


def test_hash_data_means_the_same_in_upper_case_and_with_leading_zeros() -> None:
    written = {"hashAlgorithm": "SHA256", "issuerNameHash": "AB", "issuerKeyHash": "Cd", "serialNumber": "000F0"}
    assert HashData.read(written) == HashData("SHA256", "ab", "cd", "f0")
    assert HashData.read(written | {"serialNumber": "00"}).serial_number == "0"


# ------------------------------------------------------------------------------------------- the station's own one


@pytest.mark.ocpp("A02-csr")
def test_a_request_names_station_and_operator_and_is_signed() -> None:
    key, csr = asked()
    request = library.load_pem_x509_csr(csr.encode())
    assert request.is_signature_valid and request.subject == name(SERIAL, CPO)
    assert x509.public_bytes(request.public_key()) == x509.public_of(key)
    assert len(csr) <= 5500 and "PRIVATE" not in csr


def test_openssl_takes_the_request() -> None:
    text = openssl("req", "-verify", "-noout", "-subject", "-nameopt", "RFC2253", stdin=asked()[1].encode()).decode()
    assert f"CN={SERIAL},O={CPO}" in text


@pytest.mark.parametrize(
    "common_name, operator, why", [("", "O", "no serial"), ("x" * 65, "", "CN"), ("x", "o" * 65, "O")]
)
def test_a_name_that_fits_into_no_certificate_is_refused(common_name: str, operator: str, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        x509.request_for(x509.new_private_key(), common_name, operator)


def test_letters_of_all_kinds_fit_into_a_request() -> None:
    csr = x509.request_for(x509.new_private_key(), SERIAL, "Зарядка Қазақстан")
    assert library.load_pem_x509_csr(csr.encode()).subject == name(SERIAL, "Зарядка Қазақстан")


def test_a_good_chain_is_taken_with_and_without_its_root() -> None:
    station = chain(pki().station)
    x509.check_own_chain(station, WANTED, KNOWN)
    x509.check_own_chain((*station, pki().root.own.certificate), WANTED, KNOWN)


def test_a_missing_intermediate_is_taken_from_the_chain_before() -> None:
    leaf = pki().station.certificate
    with pytest.raises(Unfit, match="not known"):
        x509.check_own_chain((leaf,), WANTED, KNOWN)
    helpers = (pki().intermediate.own.certificate,)
    x509.check_own_chain((leaf,), Wanted(SERIAL, CPO, roots=WANTED.roots, helpers=helpers), KNOWN)


def test_without_any_known_root_the_chain_only_has_to_hold_together() -> None:
    x509.check_own_chain(chain(pki().station), Wanted(SERIAL, CPO), KNOWN)


def test_a_certificate_may_begin_later_but_not_have_ended() -> None:
    issued = pki().intermediate.station(SERIAL, CPO, valid_from=FUTURE)
    x509.check_own_chain(chain(issued), WANTED, KNOWN)


@pytest.mark.ocpp("A02-rejected")
@pytest.mark.parametrize(
    "wrong, why",
    [
        ({"valid_to": PAST}, "ran out"),
        ({"subject": name("CP2", CPO)}, "its CN is CP2, not CP1"),
        ({"subject": name(SERIAL, "Somebody")}, "its O is Somebody"),
        ({"subject": name(SERIAL)}, "its O is missing"),
        ({"is_ca": True}, "authority"),
        ({"usages": [SERVER]}, "client's side"),
        ({"public_key": pki().station.certificate.public_key()}, "not for the key"),
    ],
)
def test_a_bad_certificate_for_this_station_is_refused(wrong: dict[str, object], why: str) -> None:
    key, csr = asked()
    issued = pki().intermediate.sign(csr, **wrong)  # type: ignore[arg-type]
    wanted = Wanted(SERIAL, CPO, x509.public_of(key), WANTED.roots)
    with pytest.raises(Unfit, match=why):
        x509.check_own_chain(chain(issued), wanted, KNOWN)


@pytest.mark.ocpp("A02-rejected")
def test_a_chain_that_does_not_hold_together_is_refused() -> None:
    leaf, intermediate = chain(pki().station)
    other, expired = pki().other.own.certificate, pki().root.below("Old", valid_to=PAST)
    for wrong, why in (
        ((intermediate, leaf), "authority"),
        ((leaf, other), "not signed by the next"),
        ((leaf, pki().server.certificate), "not that of an authority"),
        (chain(pki().other.station(SERIAL, CPO)), "not known"),
        (chain(expired.station(SERIAL, CPO)), "ran out"),
        (chain(rsa_root(1024).below("Weak", kind="rsa1024").station(SERIAL, CPO)), "1024 bits"),
    ):
        with pytest.raises(Unfit, match=why):
            x509.check_own_chain(wrong, WANTED, KNOWN)


def test_a_forged_intermediate_of_the_right_name_does_not_help() -> None:
    forged = Authority.root("Test root").below("Test intermediate").station(SERIAL, CPO)
    with pytest.raises(Unfit, match="not known"):
        x509.check_own_chain(chain(forged), WANTED, KNOWN)


def test_the_time_of_renewal_leaves_thirty_days_or_a_third() -> None:
    from ocpp_client.v16.certificate_renewal import renewal_at

    for days, left in ((365, 30), (9, 3)):
        issued = pki().root.station("X", valid_from=NOW, valid_to=NOW + timedelta(days=days))
        assert issued.certificate.not_valid_after_utc - renewal_at(issued.certificate) == timedelta(days=left)
