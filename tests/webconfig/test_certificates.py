"""Certificates at the web: shown, uploaded, refused; the web's own replaced while it serves."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes

from chargepoint.messages import (
    ActionResult,
    CertificateRequest,
    CertificateRow,
    CertificatesPage,
    InstallRoot,
    MakeCertificateRequest,
    ReadCertificates,
    RemoveRoot,
    TakeCertificate,
)
from ocpp_client.simulated_authority import Authority
from tests.ocpp_client.pki import pki
from tests.webconfig.bench import Bench
from webconfig.read_certificates import answer
from webconfig.web_certificate import WebCertificate

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OK = ActionResult(ok=True, code="ok")


@pytest.mark.parametrize(
    ("chain", "key", "code"),
    [
        ("", "", "none"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "", "unreadable"),
        (pki().server.chain_pem * 6, "", "many"),
        (pki().server.chain_pem, "", "key_unreadable"),
        (pki().server.chain_pem, pki().station.key_pem.decode(), "key_other"),
        (pki().expired_server.chain_pem, pki().expired_server.key_pem.decode(), "expired"),
        (pki().station.chain_pem, pki().station.key_pem.decode(), "not_server"),
        (pki().server.pem + pki().other.pem, pki().server.key_pem.decode(), "order"),
    ],
)
def test_what_does_not_fit_a_web_server_is_refused_and_changes_nothing(
    tmp_path: Path, chain: str, key: str, code: str
) -> None:
    found = answer({"chain": chain, "key": key}, tmp_path, NOW)
    assert found["ok"] is False and found["text"] == code
    assert not list(tmp_path.iterdir()) and "PRIVATE" not in str(found)


@pytest.mark.realtime
async def test_the_page_shows_uploads_and_replaces(tmp_path: Path) -> None:
    asked: list[Any] = []

    def take(request: Any) -> ActionResult:
        asked.append(request)
        return OK

    ends = datetime.now(UTC).replace(year=datetime.now(UTC).year + 1)
    root = CertificateRow("root", "CN=Root <x>", "CN=Root", "1f", NOW, ends, "ab" * 32, "EC secp256r1")
    answers: dict[str, dict[Any, Any]] = {
        "ocpp": {
            ReadCertificates: lambda _r: CertificatesPage(
                rows=(root,), is_asked=True, common_name="CP1", organisation="", profile=2
            ),
            MakeCertificateRequest: lambda _r: CertificateRequest(ok=True, pem="-----BEGIN CERTIFICATE REQUEST-----\n"),
            InstallRoot: take,
            RemoveRoot: take,
            TakeCertificate: take,
        }
    }
    async with Bench(tmp_path, answers=answers) as bench:
        client = await bench.log_in("admin")
        page = await client.get("/certificates")
        assert page.status == 200, page.text
        assert "CN=Root &lt;x&gt;" in page.text and "AB:AB" in page.text and "its key waits" in page.text
        csr = await client.post("/certificates/request")
        assert csr.status == 200 and "station.csr" in csr.headers["Content-Disposition"]
        page = await client.get("/certificates")
        wrong = await client.post("/certificates/roots", {"root": "hello"})
        assert wrong.status == 422 and not asked
        await client.get("/certificates")
        assert (await client.post("/certificates/roots", {"root": pki().root.pem + "noise"})).status == 303
        assert asked[-1].pem == pki().root.pem and asked[-1].by == "admin"
        assert (await client.post("/certificates/roots/remove", {"fingerprint": "ab" * 32})).status == 303
        authority = Authority.root("House root")
        fresh = authority.server("127.0.0.1")
        fields = {"chain": fresh.chain_pem, "key": fresh.key_pem.decode()}
        assert (await client.post("/certificates/web", {**fields, "key": "x"})).status == 422
        await client.get("/certificates")
        assert (await client.post("/certificates/web", fields)).status == 303
        assert fresh.certificate.fingerprint(hashes.SHA256()).hex()[:4].upper() in (
            await client.get("/certificates")
        ).text.replace(":", "")
        port = int(bench.base.rpartition(":")[2])
        context = ssl.create_default_context(cadata=authority.pem)
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        writer.close()
        assert next(tmp_path.rglob("web.key")).stat().st_mode & 0o077 == 0
        technician = await bench.log_in("tim")
        assert (await technician.get("/certificates")).status == 200
        assert (await technician.post("/certificates/web", fields)).status == 403


def test_an_uploaded_certificate_that_runs_out_is_told_once_a_stage(tmp_path: Path) -> None:
    fresh = Authority.root("House root").server("127.0.0.1", valid_to=NOW + timedelta(days=40))
    own = WebCertificate(tmp_path)
    assert own.warning(NOW) == ""  # made by the station itself
    assert answer({"chain": fresh.chain_pem, "key": fresh.key_pem.decode()}, tmp_path, NOW)["ok"] is True
    told = [own.warning(NOW + timedelta(days=days)) for days in (0, 11, 12, 27, 28, 38, 41, 42)]
    assert [bool(text) for text in told] == [False, True, False, True, False, True, True, False]
    assert "14 days" in told[3] and "ran out" in told[6]


@pytest.mark.realtime
async def test_the_web_certificate_can_be_seen_and_replaced_without_a_station(tmp_path: Path) -> None:
    fresh = Authority.root("House root").server("127.0.0.1")
    async with Bench(tmp_path, safe_mode=("station.toml cannot be read",)) as bench:
        client = await bench.log_in("admin")
        page = await client.get("/certificates")
        assert page.status == 200 and "The OCPP service does not answer" in page.text
        fields = {"chain": fresh.chain_pem, "key": fresh.key_pem.decode()}
        assert (await client.post("/certificates/web", fields)).status == 303
