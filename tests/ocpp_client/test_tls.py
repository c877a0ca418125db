"""Whom we believe and what is offered: real certificates, real TLS, nothing said to a server that is not ours."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chargepoint.clock import Clock
from ocpp_client.simulated import CentralSystem
from ocpp_client.tls import CERTIFICATE, REFUSED, SUITE, SUITES, VERSION, chain_of, client_context, lifetime_fault
from ocpp_client.transport import CannotConnect, Stage, Way, authorization, open_link
from tests.ocpp_client.pki import files, pki, rsa_root, rsa_server, server_context
from tests.ocpp_client.rig import NAME, rig_clock

KEY = "s3cret-key-of-this-station"


def trusted_by(clock: Clock) -> Callable[[ssl.SSLObject], str]:
    return lambda tls: lifetime_fault(chain_of(tls), clock)


def way_to(system: CentralSystem, *roots: str, own: tuple[bytes, str] | None = None) -> Way:
    return Way(f"{system.url}/{NAME}", authorization(NAME, KEY), client_context(roots or (pki().root.pem,), own))


async def connected(system: CentralSystem, way: Way, clock: Clock | None = None) -> None:
    """Open and close a link. Raises CannotConnect."""
    connection = await open_link(way, trusted_by(clock or rig_clock()))
    await connection.close()


async def refused(context: ssl.SSLContext, *roots: str, clock: Clock | None = None) -> CannotConnect:
    """The failure of a link to a server with this TLS; no header was sent to it."""
    async with CentralSystem(tls=context) as system:
        with pytest.raises(CannotConnect) as caught:
            await connected(system, way_to(system, *roots), clock)
        assert not system.connects  # not one HTTP request came, and with it no Authorization
        return caught.value


@pytest.mark.ocpp("A00-profile2", "J6.2-tls")
async def test_a_server_below_our_root_is_connected_with_tls_1_2_or_newer(tmp_path: Path) -> None:
    async with CentralSystem(tls=server_context(tmp_path, pki().server)) as system:
        await connected(system, way_to(system))
        assert system.connects[0].tls in ("TLSv1.2", "TLSv1.3")
        assert system.connects[0].authorization.startswith("Basic ")


@pytest.mark.ocpp("A00-wrong-server", "A00-name")
@pytest.mark.parametrize(
    ("server", "why"),
    [
        ("expired_server", "ran out on 2025-06-01"),
        ("future_server", "holds only from 2049-01-01"),
        ("other_name_server", "IP address mismatch"),
        ("other_server", "unable to get local issuer"),
    ],
)
async def test_a_server_that_does_not_prove_itself_hears_nothing(tmp_path: Path, server: str, why: str) -> None:
    error = await refused(server_context(tmp_path, getattr(pki(), server)))
    assert error.event == CERTIFICATE and error.stage is Stage.TLS
    assert why in str(error)


async def test_a_self_signed_server_is_refused(tmp_path: Path) -> None:
    error = await refused(server_context(tmp_path, pki().no_authority.own))
    assert error.event == CERTIFICATE


async def test_a_server_that_keeps_its_intermediate_to_itself_is_refused(tmp_path: Path) -> None:
    chain, key = files(tmp_path, pki().server)
    chain.write_text(pki().server.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    assert (await refused(context)).event == CERTIFICATE


async def test_a_root_that_ran_out_vouches_for_nobody(tmp_path: Path) -> None:
    server = pki().expired_root.server()
    error = await refused(server_context(tmp_path, server), pki().expired_root.pem)
    assert error.event == CERTIFICATE and "ran out" in str(error)


async def test_without_roots_of_ours_those_of_the_system_hold_and_do_not_know_the_server(tmp_path: Path) -> None:
    async with CentralSystem(tls=server_context(tmp_path, pki().server)) as system:
        with pytest.raises(CannotConnect) as caught:
            await connected(system, Way(f"{system.url}/{NAME}", {}, client_context(())))
        assert caught.value.event == CERTIFICATE


async def test_an_intermediate_can_be_the_anchor(tmp_path: Path) -> None:
    async with CentralSystem(tls=server_context(tmp_path, pki().server)) as system:
        await connected(system, way_to(system, pki().intermediate.pem))


def limited(context: ssl.SSLContext, version: ssl.TLSVersion) -> ssl.SSLContext:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def serve_one(listener: socket.socket, context: ssl.SSLContext, heard: list[bytes]) -> None:
    """A blocking TLS server: unlike asyncio's it says why it refuses (alerts), as most servers do."""
    connection, _ = listener.accept()
    connection.settimeout(5)
    with connection.dup() as spare:  # keeps it open for what still comes, or a reset could overtake the alert
        with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as tls:
            while data := tls.recv(4096):
                heard.append(data)
        with contextlib.suppress(OSError):
            spare.shutdown(socket.SHUT_WR)
            while spare.recv(4096):
                pass


async def refused_aloud(context: ssl.SSLContext, way: Callable[[int], Way]) -> CannotConnect:
    """The failure of a link to a server that says why it refuses."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(asyncio.to_thread(serve_one, listener, context, heard))
        with pytest.raises(CannotConnect) as caught:
            await open_link(way(listener.getsockname()[1]), trusted_by(rig_clock()))
        await serving
    assert not heard
    return caught.value


def usual_way(port: int) -> Way:
    return Way(f"wss://127.0.0.1:{port}/CP1", authorization(NAME, KEY), client_context((pki().root.pem,)))


@pytest.mark.realtime
@pytest.mark.ocpp("A00-tls12", "A04-InvalidTLSVersion")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_old_tls_is_refused(tmp_path: Path, version: ssl.TLSVersion) -> None:
    error = await refused_aloud(limited(server_context(tmp_path, pki().server), version), usual_way)
    assert error.event == VERSION and "below 1.2" in str(error)


@pytest.mark.realtime
@pytest.mark.ocpp("A00-suites", "A04-InvalidTLSCipherSuite")
@pytest.mark.parametrize("suite", ["ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-AES128-SHA256"])
async def test_a_weak_suite_is_refused(tmp_path: Path, suite: str) -> None:
    context = limited(server_context(tmp_path, pki().server), ssl.TLSVersion.TLSv1_2)
    context.set_ciphers(f"{suite}:@SECLEVEL=0")
    assert (await refused_aloud(context, usual_way)).event == SUITE


@pytest.mark.realtime
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_server_that_refuses_our_certificate_is_known_from_one_that_is_wrong(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    context = server_context(tmp_path, pki().server, client_root=pki().root)
    context.maximum_version = version
    stranger = pki().other.station(NAME)
    own = client_context((pki().root.pem,), (stranger.key_pem, stranger.chain_pem))
    error = await refused_aloud(context, lambda port: Way(f"wss://127.0.0.1:{port}/CP1", {}, own))
    assert error.event == REFUSED and error.is_of_certificates


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_server_that_refuses_our_certificate_without_a_word_is_a_failure_of_tls(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    context = server_context(tmp_path, pki().server, client_root=pki().root)
    context.maximum_version = version
    stranger = pki().other.station(NAME)
    async with CentralSystem(tls=context) as system:
        with pytest.raises(CannotConnect, match="without saying why") as caught:
            await connected(system, way_to(system, own=(stranger.key_pem, stranger.chain_pem)))
    assert caught.value.is_of_certificates


@pytest.mark.ocpp("A00-suites")
@pytest.mark.parametrize("suite", SUITES)
async def test_each_suite_of_the_white_paper_connects(tmp_path: Path, suite: str) -> None:
    is_ecdsa = "ECDSA" in suite
    server, root = (pki().server, pki().root) if is_ecdsa else (rsa_server(2048), rsa_root(2048))
    context = server_context(tmp_path, server)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(suite)
    async with CentralSystem(tls=context) as system:
        await connected(system, way_to(system, root.pem))
        assert (system.connects[0].tls, system.connects[0].suite) == ("TLSv1.2", suite)


@pytest.mark.ocpp("A00-no-sha1")
async def test_a_short_key_is_refused(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(*files(tmp_path, rsa_server(1024)))
    error = await refused(context, rsa_root(2048).pem)
    assert error.event == CERTIFICATE


@pytest.mark.ocpp("A00-no-compression")
def test_there_is_no_compression_and_no_renegotiation() -> None:
    context = client_context((pki().root.pem,))
    assert context.options & ssl.OP_NO_COMPRESSION and context.options & ssl.OP_NO_RENEGOTIATION
    assert context.check_hostname and context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.ocpp("A00-profile3")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_station_shows_its_certificate(tmp_path: Path, version: ssl.TLSVersion) -> None:
    context = server_context(tmp_path, pki().server, client_root=pki().root)
    context.maximum_version = version
    own = (pki().station.key_pem, pki().station.chain_pem)
    async with CentralSystem(tls=context) as system:
        await connected(system, way_to(system, own=own))
        assert system.connects[0].certificate == {"commonName": NAME, "organizationName": "Test operator"}


async def test_a_server_without_tls_is_said_to_have_none(tmp_path: Path) -> None:
    async with CentralSystem() as system:
        way = Way(system.url.replace("ws://", "wss://") + "/CP1", {}, client_context((pki().root.pem,)))
        with pytest.raises(CannotConnect, match="without saying why") as caught:
            await open_link(way)
    assert caught.value.stage is Stage.TLS


def test_a_pair_that_does_not_belong_together_is_told_without_the_key() -> None:
    wrong = (pki().station.key_pem, pki().server.chain_pem)
    with pytest.raises(ValueError, match="cannot be used") as caught:
        client_context((pki().root.pem,), wrong)
    assert "PRIVATE" not in str(caught.value)


def test_roots_that_are_none_are_told() -> None:
    with pytest.raises(ValueError, match="root certificates cannot be read"):
        client_context(("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n",))


def test_the_key_leaves_no_file_and_no_open_handle(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        client_context((pki().root.pem,), (pki().station.key_pem, pki().station.chain_pem))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def unset_clock(floor: datetime) -> Clock:
    return Clock(boot_id="boot-1", floor=floor)


async def test_while_the_time_is_unknown_the_floor_decides_on_lifetimes(tmp_path: Path) -> None:
    """A certificate that ended before the floor is refused, one that begins later may hold (S4)."""
    expired = server_context(tmp_path, pki().expired_server)
    end = datetime(2025, 6, 1, tzinfo=UTC)
    async with CentralSystem(tls=expired) as system:
        await connected(system, way_to(system), unset_clock(end - timedelta(days=1)))
        with pytest.raises(CannotConnect, match="ran out"):
            await connected(system, way_to(system), unset_clock(end + timedelta(days=1)))
    async with CentralSystem(tls=server_context(tmp_path, pki().future_server)) as system:
        await connected(system, way_to(system), unset_clock(end))


async def test_while_the_time_is_unknown_chain_and_name_hold_all_the_same(tmp_path: Path) -> None:
    for server in (pki().other_server, pki().other_name_server):
        error = await refused(server_context(tmp_path, server), clock=unset_clock(datetime(2025, 1, 1, tzinfo=UTC)))
        assert error.event == CERTIFICATE


@asynccontextmanager
async def canary() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A port that records what comes in, and answers nothing."""
    heard: list[bytes] = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(4096):
                heard.append(data)
        writer.close()

    server = await asyncio.start_server(hear, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], heard
        await asyncio.sleep(1)
    finally:
        server.close()


async def test_a_server_that_never_ends_the_handshake_gets_no_header(tmp_path: Path) -> None:
    async with canary() as (port, heard):
        way = Way(f"wss://127.0.0.1:{port}/CP1", authorization(NAME, KEY), client_context((pki().root.pem,)))
        with pytest.raises(CannotConnect):
            await open_link(way, open_timeout_s=5)
        assert heard and b"Authorization" not in b"".join(heard) and b"GET" not in b"".join(heard)
