"""The command line of the simulated central system: security profiles can be tried by hand as docs/ocpp.md says."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import stat
import sys
import tempfile
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from ocpp_client.simulated import CentralSystem
from ocpp_client.simulated_command import main

OCPP = [Subprotocol("ocpp1.6")]


@asynccontextmanager
async def served(*arguments: str) -> AsyncIterator[str]:
    """Its address for stations."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ocpp_client.simulated", *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield json.loads(await process.stdout.readline())["url"]
    finally:
        process.kill()
        await process.wait()


def trusting(folder: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(folder / "root.pem"))


@pytest.mark.realtime
async def test_with_tls_and_a_password_it_admits_who_knows_it(tmp_path: Path) -> None:
    key = "00112233445566778899aabbccddeeff"
    async with served("--tls", str(tmp_path), "--password", f"cp:{key}") as url:
        assert url.startswith("wss://")
        with pytest.raises(InvalidStatus):
            async with connect(f"{url}/cp", ssl=trusting(tmp_path), subprotocols=OCPP, proxy=None):
                pass
        basic = "Basic " + base64.b64encode(b"cp:" + bytes.fromhex(key)).decode()
        headers = {"Authorization": basic}
        async with connect(
            f"{url}/cp", ssl=trusting(tmp_path), subprotocols=OCPP, proxy=None, additional_headers=headers
        ) as link:
            assert link.subprotocol == "ocpp1.6"


@pytest.mark.realtime
async def test_with_stations_it_makes_their_secrets_and_wants_their_certificates(tmp_path: Path) -> None:
    async with served("--tls", str(tmp_path), "--station", "cp") as url:
        secrets = tmp_path / "secrets-cp.toml"
        assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
        made = tomllib.loads(secrets.read_text())
        context = trusting(tmp_path)
        with tempfile.NamedTemporaryFile("w", dir=tmp_path) as pair:
            pair.write(made["ocpp_client_key"] + made["ocpp_client_certificate"])
            pair.flush()
            context.load_cert_chain(pair.name)
        async with connect(f"{url}/cp", ssl=context, subprotocols=OCPP, proxy=None) as link:
            assert link.subprotocol == "ocpp1.6"
        with pytest.raises((OSError, EOFError, InvalidHandshake)):
            async with connect(f"{url}/cp", ssl=trusting(tmp_path), subprotocols=OCPP, proxy=None) as link:
                await link.recv()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--station", "cp"], "give --tls DIR"),
        (["--tls", "/proc/none"], "name a folder that can be written to"),
        (["--password", "cp"], "is not NAME:KEY"),
    ],
)
def test_wrong_use_is_told(arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(CentralSystem, arguments)
    assert caught.value.code == 2
    assert why in capsys.readouterr().err
