"""Certificates by OCPP: roots installed, listed and deleted, and the own one asked for, judged and used."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509 as library

from chargepoint.bus import Subscription
from chargepoint.config import Secrets
from chargepoint.messages import Noted, OcppFrame, SecurityNoted
from chargepoint.storage.database import CannotRecord, Database
from ocpp_client import x509
from ocpp_client.simulated_authority import Authority, Issued, Signing, name
from tests.listening import heard
from tests.ocpp_client.pki import CPO, PAST, SERIAL, pki, rsa_root, server_context
from tests.ocpp_client.rig import NAME, Rig, bench

CENTRAL, MAKER = "CentralSystemRootCertificate", "ManufacturerRootCertificate"
TRIGGER = {"requestedMessage": "SignChargePointCertificate"}
CPO_NAME = {"CpoName": CPO}


async def call(rig: Rig, action: str, **payload: Any) -> dict[str, Any]:
    return await rig.system.call(NAME, action, payload)


async def install(rig: Rig, pem: str, use: str = CENTRAL) -> str:
    return str((await call(rig, "InstallCertificate", certificateType=use, certificate=pem))["status"])


async def listed(rig: Rig, use: str = CENTRAL) -> list[dict[str, str]]:
    answer = await call(rig, "GetInstalledCertificateIds", certificateType=use)
    assert answer["status"] == ("Accepted" if "certificateHashData" in answer else "NotFound")
    return list(answer.get("certificateHashData", []))


def hash_data(authority: Authority, algorithm: str = "SHA256") -> dict[str, str]:
    found = x509.hash_data(authority.own.certificate, authority.own.certificate, algorithm)
    return {
        "hashAlgorithm": algorithm,
        "issuerNameHash": found.issuer_name_hash,
        "issuerKeyHash": found.issuer_key_hash,
        "serialNumber": found.serial_number,
    }


async def delete(rig: Rig, data: dict[str, str]) -> str:
    return str((await call(rig, "DeleteCertificate", certificateHashData=data))["status"])


async def csr(rig: Rig, count: int = 1) -> str:
    """Ask for a request; it."""
    assert await call(rig, "ExtendedTriggerMessage", **TRIGGER) == {"status": "Accepted"}
    return str((await rig.system.until_received("SignCertificate", count))["csr"])


async def give(rig: Rig, chain: str) -> str:
    return str((await call(rig, "CertificateSigned", certificateChain=chain))["status"])


async def told(subscription: Subscription[Any]) -> list[str]:
    return [f"{event.type}: {event.extra}" for event in await heard(subscription)]


def invalid(events: list[str], kind: str) -> list[str]:
    return [event for event in events if event.startswith(kind)]


# ------------------------------------------------------------------------------------------------------------ roots


@pytest.mark.ocpp(
    "M05-install-root", "M05-install-maker", "M03-list", "M03-none", "M04-delete", "M04-unknown",
    "InstallCertificate", "DeleteCertificate", "GetInstalledCertificateIds",
)  # fmt: skip
@pytest.mark.parametrize(("use", "other"), [(CENTRAL, MAKER), (MAKER, CENTRAL)])
async def test_a_root_is_installed_listed_and_deleted(tmp_path: Path, use: str, other: str) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        assert await listed(rig, use) == []
        assert await install(rig, pki().root.pem, use) == "Accepted"
        assert await install(rig, rsa_root().pem, use) == "Accepted"
        assert await listed(rig, use) == [hash_data(pki().root), hash_data(rsa_root())]
        assert await listed(rig, other) == []
        assert await delete(rig, hash_data(pki().root)) == "Accepted"
        assert await delete(rig, hash_data(pki().root)) == "NotFound"
        assert await delete(rig, hash_data(rsa_root()) | {"issuerKeyHash": "00" * 32}) == "NotFound"
        assert await listed(rig, use) == [hash_data(rsa_root())]


@pytest.mark.parametrize("algorithm", ["SHA256", "SHA384", "SHA512"])
async def test_a_root_is_deleted_by_any_hash_in_whatever_case(tmp_path: Path, algorithm: str) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        await install(rig, pki().root.pem)
        data = hash_data(pki().root, algorithm)
        shouted = {key: text if key == "hashAlgorithm" else text.upper() for key, text in data.items()}
        assert await delete(rig, shouted) == "Accepted"
        assert await listed(rig) == []


async def test_roots_outlive_a_crash_right_after_the_answer(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        await install(rig, pki().root.pem)
        await install(rig, pki().root.pem, MAKER)
        await rig.kill()
        await rig.boot()
        await rig.system.until_received("BootNotification", 2)
        assert await listed(rig) == await listed(rig, MAKER) == [hash_data(pki().root)]


@pytest.mark.ocpp("M05-invalid", "A04-InvalidCentralSystemCertificate")
@pytest.mark.parametrize("use", [CENTRAL, MAKER])
@pytest.mark.parametrize(
    "pem",
    [
        "no certificate",
        pki().root.pem[:-40],
        pki().root.pem + pki().other.pem,
        pki().expired_root.pem,
        pki().future_root.pem,
        pki().no_authority.pem,
        pki().server.pem,
        pki().intermediate.pem,
        rsa_root(1024).pem,
    ],
    ids=["text", "cut", "two", "expired", "future", "not a CA", "a server's", "no root", "weak"],
)
async def test_what_is_no_good_root_is_rejected_and_the_working_ones_stay(tmp_path: Path, pem: str, use: str) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        await install(rig, pki().other.pem, use)
        events = rig.buses["admin"].subscribe(SecurityNoted)
        assert await install(rig, pem, use) == "Rejected"
        assert await listed(rig, use) == [hash_data(pki().other)]
        found = await told(events)
        assert len(invalid(found, "InvalidCentralSystemCertificate: ")) == len(found) == (use == CENTRAL)


@pytest.mark.ocpp("M05-full", "WP-key-CertificateStoreMaxLength")
async def test_more_roots_than_the_store_takes_are_rejected(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration={"CertificateStoreMaxLength": 2}) as rig:
        await rig.registered()
        assert await install(rig, pki().root.pem) == "Accepted"
        assert await install(rig, pki().root.pem, MAKER) == "Accepted"
        assert await install(rig, pki().other.pem) == "Rejected"
        assert await install(rig, pki().root.pem) == "Accepted", "it is there already"
        assert await listed(rig) == [hash_data(pki().root)]


async def test_a_root_that_cannot_be_kept_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        await install(rig, pki().other.pem)

        async def full(*_: object) -> None:
            raise CannotRecord("the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(Database, "write", full)
            assert await install(rig, pki().root.pem) == "Failed"
            assert await delete(rig, hash_data(pki().other)) == "Failed"
        assert await listed(rig) == [hash_data(pki().other)]


@pytest.mark.ocpp("M05-additional", "WP-key-AdditionalRootCertificateCheck")
async def test_a_new_root_has_to_be_signed_by_the_one_it_replaces(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration={"AdditionalRootCertificateCheck": True}) as rig:
        await rig.registered()
        events = rig.buses["admin"].subscribe(SecurityNoted)
        successor, third = pki().root.below("Successor"), pki().root.below("Third")
        assert await install(rig, pki().root.pem) == "Accepted"
        assert await install(rig, pki().other.pem) == "Rejected"
        assert await install(rig, successor.pem) == "Accepted"
        assert len(await listed(rig)) == 2, "the old one is there until the new one has worked"
        assert await install(rig, third.pem) == "Rejected", "signed by the one before, not by the present one"
        assert len(invalid(await told(events), "InvalidCentralSystemCertificate")) == 2


@pytest.mark.ocpp("M04-last")
async def test_the_root_of_the_present_link_is_not_deleted(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        assert await install(rig, pki().root.pem) == "Accepted"
        await rig.stop()
        await behind_tls(rig, server_context(tmp_path, pki().server))
        await rig.boot()
        await rig.system.until_received("BootNotification", 2)
        assert await install(rig, pki().other.pem) == "Accepted"
        assert await delete(rig, hash_data(pki().root)) == "Failed"
        assert await delete(rig, hash_data(pki().other)) == "Accepted"
        assert await listed(rig) == [hash_data(pki().root)]


async def behind_tls(rig: Rig, context: ssl.SSLContext, **ocpp: Any) -> None:
    """The server comes back behind TLS, at an address that the station is told."""
    await rig.system.go_away()
    rig.system.tls = context
    await rig.system.come_back()
    settings = msgspec.structs.replace(rig.settings.ocpp, url=rig.system.url, **ocpp)
    rig.settings = msgspec.structs.replace(rig.settings, ocpp=settings)


# ------------------------------------------------------------------------------------------- the station's own one


@pytest.mark.ocpp("A02-trigger", "A02-csr", "A02-accepted", "SignCertificate", "CertificateSigned", "WP-key-CpoName")
async def test_a_certificate_is_asked_for_by_trigger_and_taken(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration=CPO_NAME) as rig:
        await rig.registered()
        events = rig.buses["admin"].subscribe(SecurityNoted)
        await install(rig, pki().root.pem)
        request = library.load_pem_x509_csr((await csr(rig)).encode())
        assert request.subject == name(SERIAL, CPO)
        issued = pki().intermediate.sign(await csr(rig, 2))
        assert await give(rig, issued.chain_pem) == "Accepted"
        assert await give(rig, issued.chain_pem) == "Accepted", "the same again changes nothing"
        kinds = [event.partition(":")[0] for event in await told(events)]
        assert kinds == ["ReconfigurationOfSecurityParameters"] * 2
        assert len(rig.system.connects) == 1, "below profile 3 no link has to be made anew"


async def test_the_serial_number_is_the_name_where_there_is_one(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        station = msgspec.structs.replace(rig.settings.station, charge_point_serial_number="SN-77")
        rig.settings = msgspec.structs.replace(rig.settings, station=station)
        await rig.registered()
        assert library.load_pem_x509_csr((await csr(rig)).encode()).subject == name("SN-77")


@pytest.mark.ocpp("A02-rejected", "A04-InvalidChargePointCertificate")
@pytest.mark.parametrize(
    ("signer", "wrong"),
    [
        ("intermediate", {"valid_to": PAST}),
        ("intermediate", {"subject": name("CP2", CPO)}),
        ("intermediate", {"subject": name(SERIAL, "Somebody")}),
        ("intermediate", {"public_key": pki().station.certificate.public_key()}),
        ("intermediate", {"is_ca": True}),
        ("other", {}),
    ],
    ids=["expired", "CN", "O", "key", "CA", "unknown issuer"],
)
async def test_a_wrong_certificate_is_rejected_and_the_old_pair_used_on(
    tmp_path: Path, signer: str, wrong: dict[str, Any]
) -> None:
    async with bench(tmp_path, configuration=CPO_NAME) as rig:
        await rig.registered()
        await install(rig, pki().root.pem)
        assert await give(rig, pki().intermediate.sign(await csr(rig)).chain_pem) == "Accepted"
        before = rig.client._kept.key_store.own()  # type: ignore[union-attr]
        events = rig.buses["admin"].subscribe(SecurityNoted)
        authority: Authority = getattr(pki(), signer)
        request = await csr(rig, 2)
        assert await give(rig, authority.sign(request, **wrong).chain_pem) == "Rejected"
        assert before == rig.client._kept.key_store.own()  # type: ignore[union-attr]
        assert len(invalid(await told(events), "InvalidChargePointCertificate: ")) == 1
        assert await give(rig, pki().intermediate.sign(request).chain_pem) == "Accepted", "the right one may still come"


async def test_a_certificate_nobody_asked_for_and_what_is_none_are_rejected(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        events = rig.buses["admin"].subscribe(SecurityNoted)
        assert await give(rig, pki().station.chain_pem) == "Rejected"
        await csr(rig)
        assert await give(rig, "nonsense") == "Rejected"
        assert await give(rig, pki().station.key_pem.decode()) == "Rejected"
        found = await told(events)
        assert len(invalid(found, "InvalidChargePointCertificate")) == 3 and "MII" not in "".join(found)


@pytest.mark.ocpp("A02-chain-size", "WP-key-CertificateSignedMaxChainSize")
async def test_a_chain_that_is_too_long_is_rejected(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration={"CertificateSignedMaxChainSize": 1000}) as rig:
        await rig.registered()
        chain = pki().intermediate.sign(await csr(rig)).chain_pem
        assert len(chain) > 1000 and await give(rig, chain) == "Rejected"


async def test_the_simulated_central_system_signs_by_itself(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration=CPO_NAME) as rig:
        rig.system.signing = Signing(pki().root, pki().intermediate)
        await rig.registered()
        await csr(rig)
        await rig.system.until(lambda: rig.system.signing and rig.system.signing.answers)
        assert rig.system.signing.answers == ["Accepted"]


async def test_no_private_key_crosses_the_bus_or_a_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with bench(tmp_path, configuration=CPO_NAME) as rig:
        frames, notes = rig.buses["admin"].subscribe(OcppFrame), rig.buses["admin"].subscribe(Noted)
        await rig.registered()
        request = await csr(rig)
        store = rig.client._kept.key_store  # type: ignore[union-attr]
        lines = (store.pending_key or b"").decode().splitlines()[1:-1]
        await give(rig, pki().intermediate.sign(request).chain_pem)
        shown = f"{await heard(frames)} {await heard(notes)} {caplog.text}"
        assert "SignCertificate" in shown and not any(line in shown for line in lines) and len(lines) >= 2


async def test_a_flood_of_triggers_makes_one_key(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        for _ in range(10):
            assert await call(rig, "ExtendedTriggerMessage", **TRIGGER) == {"status": "Accepted"}
        await asyncio.sleep(5)
        requests = [library.load_pem_x509_csr(one["csr"].encode()) for one in rig.payloads("SignCertificate")]
        assert 1 <= len(requests) <= 10 and len({x509.public_bytes(one.public_key()) for one in requests}) == 1


async def test_a_name_that_fits_into_no_certificate_is_noted(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration={"CpoName": "o" * 65}) as rig:
        await rig.registered()
        notes = rig.buses["admin"].subscribe(Noted)
        assert await call(rig, "ExtendedTriggerMessage", **TRIGGER) == {"status": "Accepted"}
        await asyncio.sleep(1)
        assert any("CpoName" in note.error for note in await heard(notes))
        assert rig.payloads("SignCertificate") == []


# ----------------------------------------------------------------------------------------------------- profile 3


def shown(rig: Rig) -> int:
    """Serial number of the certificate that the station has shown on its present link."""
    ssl_object = rig.system.links[NAME].connection.transport.get_extra_info("ssl_object")
    der = ssl_object.getpeercert(binary_form=True)
    return library.load_der_x509_certificate(der).serial_number


async def with_certificates(rig: Rig, tmp_path: Path, first: Issued) -> None:
    """Put the server behind TLS that wants a station's certificate, and the station at profile 3."""
    context = server_context(tmp_path, pki().server, client_root=pki().root)
    (tmp_path / "root.pem").write_text(pki().root.pem)
    await behind_tls(rig, context, security_profile=3, ca_file=str(tmp_path / "root.pem"))
    rig.secrets = Secrets(ocpp_client_key=first.key_pem.decode(), ocpp_client_certificate=first.chain_pem)


@pytest.mark.ocpp("A02-switch", "A02-accepted")
async def test_a_new_certificate_is_used_with_a_new_link_and_stays(tmp_path: Path) -> None:
    async with bench(tmp_path, configuration=CPO_NAME) as rig:
        await with_certificates(rig, tmp_path, pki().station)
        await rig.registered()
        assert shown(rig) == pki().station.certificate.serial_number
        issued = pki().intermediate.sign(await csr(rig))
        assert await give(rig, issued.chain_pem) == "Accepted"
        await rig.system.until(lambda: len(rig.system.connects) == 2)
        await rig.system.until_connected(NAME)
        assert shown(rig) == issued.certificate.serial_number
        await asyncio.sleep(5)
        assert not rig.client._kept.key_store.is_on_trial  # type: ignore[union-attr]
        await rig.kill()
        await rig.boot()
        await rig.system.until(lambda: len(rig.system.connects) == 3 and NAME in rig.system.links)
        assert shown(rig) == issued.certificate.serial_number


@pytest.mark.ocpp("A02-switch")
@pytest.mark.parametrize("is_killed", [False, True])
async def test_a_certificate_that_the_server_refuses_gives_way_to_the_one_before(
    tmp_path: Path, is_killed: bool
) -> None:
    async with bench(tmp_path, configuration=CPO_NAME, compatibility={"any_certificate_issuer": True}) as rig:
        await with_certificates(rig, tmp_path, pki().station)
        await rig.registered()
        issued = pki().other.sign(await csr(rig))
        assert await give(rig, issued.chain_pem) == "Accepted"
        if is_killed:
            await rig.kill()
            await rig.boot()
        await rig.system.until(lambda: len(rig.system.connects) == 2 and NAME in rig.system.links, timeout_s=600)
        await asyncio.sleep(1)
        assert shown(rig) == pki().station.certificate.serial_number
        assert not rig.client._kept.key_store.is_on_trial  # type: ignore[union-attr]


async def test_a_damaged_first_pair_is_told_without_its_key(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with bench(tmp_path) as rig:
        rig.secrets = Secrets(ocpp_client_key="secret words", ocpp_client_certificate=pki().station.chain_pem)
        await rig.registered()
        assert "ocpp_client_key" in caplog.text and "secret words" not in caplog.text
