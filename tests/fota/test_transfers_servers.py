"""Fetching from and sending to real servers: nginx, vsftpd, OpenSSH."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from fota.fetching import Job, fetch, send
from tests.fota import servers
from tests.fota.servers import PASSWORD, USER, Served

pytestmark = pytest.mark.realtime

HERE = ("127.0.0.1", "127.0.0.99")
CONTENT = random.Random(3).randbytes(9_000_000)

needs_nginx = pytest.mark.skipif(not Path(servers.NGINX).exists(), reason="nginx is not installed")
needs_vsftpd = pytest.mark.skipif(
    not Path(servers.VSFTPD).exists() or bool(servers.why_not_root()),
    reason=servers.why_not_root() or "vsftpd is not installed",
)
needs_sshd = pytest.mark.skipif(
    not Path(servers.SSHD).exists() or bool(servers.why_not_root()),
    reason=servers.why_not_root() or "OpenSSH's server is not installed",
)


@pytest.fixture(scope="module")
def keys() -> Iterator[tuple[Path, Path, Path]]:
    with servers.folder() as where:
        yield servers.certificates(where)


@pytest.fixture(scope="module")
def web(keys: tuple[Path, Path, Path]) -> Iterator[Served]:
    with servers.folder() as where, servers.nginx(where, keys[1], keys[2]) as served:
        (served.root / "file.cpk").write_bytes(CONTENT)
        (served.root / "secret" / "file.cpk").write_bytes(CONTENT)
        yield served


@pytest.fixture(scope="module")
def ftp() -> Iterator[Served]:
    with servers.folder() as where, servers.vsftpd(where) as served:
        (served.root / "file.cpk").write_bytes(CONTENT)
        yield served


@pytest.fixture(scope="module")
def ftps(keys: tuple[Path, Path, Path]) -> Iterator[Served]:
    with servers.folder() as where, servers.vsftpd(where, keys[1], keys[2]) as served:
        (served.root / "file.cpk").write_bytes(CONTENT)
        yield served


@pytest.fixture(scope="module")
def ssh() -> Iterator[Served]:
    with servers.folder() as where, servers.sshd(where) as served:
        (served.root / "file.cpk").write_bytes(CONTENT)
        yield served


def job(url: str, folder: Path, **more: object) -> Job:
    return Job(url=url, file=str(folder / "file.cpk"), allowed_hosts=HERE, **more)  # type: ignore[arg-type]


async def cut_in_the_middle(wish: Job, at: int) -> None:
    """Begin with `wish` and end it when so much is there, as a cut of the power would."""
    task = asyncio.create_task(fetch(wish, lambda count, _: task.cancel() if count >= at else None))
    await asyncio.gather(task, return_exceptions=True)


# ----------------------------------------------------------------------------------------------------------- HTTP(S)


@needs_nginx
async def test_nginx_gives_the_file_and_takes_one(web: Served, tmp_path: Path) -> None:
    got = await fetch(job(f"http://127.0.0.1:{web.port}/file.cpk", tmp_path))
    assert got.ok and (tmp_path / "file.cpk").read_bytes() == CONTENT, got
    sent = await send(job(f"http://127.0.0.1:{web.port}/put/below", tmp_path, name="sent.zip"))
    assert sent.ok and (web.root / "put" / "below" / "sent.zip").read_bytes() == CONTENT, sent


@needs_nginx
async def test_https_is_spoken_with_whom_the_root_has_signed_only(
    web: Served, keys: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    url = f"https://127.0.0.1:{web.tls_port}/file.cpk"
    assert (await fetch(job(url, tmp_path))).code == "bad_certificate"
    got = await fetch(job(url, tmp_path, ca_file=str(keys[0])))
    assert got.ok and (tmp_path / "file.cpk").read_bytes() == CONTENT, got


# --------------------------------------------------------------------------------------------------------------- FTP


@needs_vsftpd
async def test_vsftpd_gives_the_file_and_takes_one(ftp: Served, tmp_path: Path) -> None:
    at = f"ftp://{USER}:{PASSWORD}@127.0.0.1:{ftp.port}"
    got = await fetch(job(f"{at}/file.cpk", tmp_path))
    assert got.ok and (tmp_path / "file.cpk").read_bytes() == CONTENT, got
    sent = await send(job(f"{at}/", tmp_path, name="sent.zip"))
    assert sent.ok and (ftp.root / "sent.zip").read_bytes() == CONTENT, sent


@needs_vsftpd
async def test_ftps_is_spoken_with_whom_the_root_has_signed_only(
    ftps: Served, keys: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    url = f"ftps://{USER}:{PASSWORD}@127.0.0.1:{ftps.port}/file.cpk"
    assert (await fetch(job(url, tmp_path))).code == "bad_certificate"
    got = await fetch(job(url, tmp_path, ca_file=str(keys[0])))
    assert got.ok and (tmp_path / "file.cpk").read_bytes() == CONTENT, got


# -------------------------------------------------------------------------------------------------------------- SFTP


@needs_sshd
async def test_openssh_gives_the_file_and_takes_one(ssh: Served, tmp_path: Path) -> None:
    at = f"sftp://{USER}:{PASSWORD}@127.0.0.1:{ssh.port}"
    hosts = str(tmp_path / "known_hosts")
    got = await fetch(job(f"{at}/~/file.cpk", tmp_path, kept_hosts=hosts))
    assert got.ok and (tmp_path / "file.cpk").read_bytes() == CONTENT, got
    sent = await send(job(f"{at}/~", tmp_path, name="sent.zip", kept_hosts=hosts))
    assert sent.ok and (ssh.root / "sent.zip").read_bytes() == CONTENT, sent
