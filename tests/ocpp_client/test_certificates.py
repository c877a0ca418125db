"""Certificates by OCPP: roots installed, listed and deleted, and the own one asked for, judged and used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.ocpp_client.pki import pki
from tests.ocpp_client.rig import NAME, Rig, bench

CENTRAL, MAKER = "CentralSystemRootCertificate", "ManufacturerRootCertificate"


async def call(rig: Rig, action: str, **payload: Any) -> dict[str, Any]:
    return await rig.system.call(NAME, action, payload)


async def install(rig: Rig, pem: str, use: str = CENTRAL) -> str:
    answer = await call(rig, "InstallCertificate", certificateType=use, certificate=pem)
    return str(answer["status"])


async def test_a_root_is_installed_listed_and_deleted(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        assert await install(rig, pki().root.pem) == "Accepted"
        listed = await call(rig, "GetInstalledCertificateIds", certificateType=CENTRAL)
        assert listed["status"] == "Accepted" and len(listed["certificateHashData"]) == 1
        answer = await call(rig, "DeleteCertificate", certificateHashData=listed["certificateHashData"][0])
        assert answer == {"status": "Accepted"}
        assert await call(rig, "GetInstalledCertificateIds", certificateType=CENTRAL) == {"status": "NotFound"}


async def test_trigger_sign_and_use(tmp_path: Path) -> None:
    async with bench(tmp_path) as rig:
        await rig.registered()
        answer = await call(rig, "ExtendedTriggerMessage", requestedMessage="SignChargePointCertificate")
        assert answer == {"status": "Accepted"}
        csr = (await rig.system.until_received("SignCertificate"))["csr"]
        issued = pki().intermediate.sign(csr)
        assert await call(rig, "CertificateSigned", certificateChain=issued.chain_pem) == {"status": "Accepted"}
