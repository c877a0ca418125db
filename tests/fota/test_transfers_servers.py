"""Fetching from and sending to real servers: nginx, vsftpd, OpenSSH."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fota.fetching import Job, fetch, send
from tests.fota import servers
from tests.fota.nasty import cutting
from tests.fota.servers import PASSWORD, USER, Served

pytestmark = pytest.mark.realtime

HERE = ("127.0.0.1", "127.0.0.99")
CONTENT = random.Random(3).randbytes(9_000_000)
SMALL = CONTENT[:900_000]

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
        (served.root / "small.cpk").write_bytes(SMALL)
        yield served


@pytest.fixture(scope="module")
def ftps(keys: tuple[Path, Path, Path]) -> Iterator[Served]:
    with servers.folder() as where, servers.vsftpd(where, keys[1], keys[2]) as served:
        (served.root / "file.cpk").write_bytes(CONTENT)
        (served.root / "small.cpk").write_bytes(SMALL)
        yield served


@pytest.fixture(scope="module")
def ssh() -> Iterator[Served]:
    with servers.folder() as where, servers.sshd(where) as served:
        (served.root / "file.cpk").write_bytes(CONTENT)
        (served.root / "small.cpk").write_bytes(SMALL)
        yield served


def job(url: str, folder: Path, **more: object) -> Job:
    return Job(url=url, file=str(folder / "file.cpk"), allowed_hosts=HERE, **more)  # type: ignore[arg-type]


def fresh(url: str, folder: Path, hosts: Path, **more: object) -> Job:
    return job(url, folder, kept_hosts=str(hosts), sync_bytes=64 << 10, **more)


async def killed_in_the_middle(wish: Job) -> int:
    """Begin with `wish` and kill it once something is there; what is durable then, of a file that is not whole."""
    for _ in range(8):
        came = asyncio.Event()

        def progress(count: int, _size: int, came: asyncio.Event = came) -> None:
            if count:
                came.set()

        tasks = [asyncio.create_task(fetch(wish, progress)), asyncio.create_task(came.wait())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        note = Path(wish.file + ".part.json")
        if note.exists() and (durable := int(json.loads(note.read_bytes())["bytes"])):
            return durable
        Path(wish.file).unlink(missing_ok=True)  # it was quicker
    raise AssertionError("it was always whole before it could be killed")


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
    got = await fetch(job(f"{at}/small.cpk", tmp_path))
    assert got.ok and (tmp_path / "file.cpk").read_bytes() == SMALL, got
    sent = await send(job(f"{at}/", tmp_path, name="sent.zip"))
    assert sent.ok and (ftp.root / "sent.zip").read_bytes() == SMALL, sent


@needs_vsftpd
async def test_ftps_is_spoken_with_whom_the_root_has_signed_only(
    ftps: Served, keys: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    url = f"ftps://{USER}:{PASSWORD}@127.0.0.1:{ftps.port}/small.cpk"
    assert (await fetch(job(url, tmp_path))).code == "bad_certificate"
    got = await fetch(job(url, tmp_path, ca_file=str(keys[0])))
    assert got.ok and (tmp_path / "file.cpk").read_bytes() == SMALL, got


# -------------------------------------------------------------------------------------------------------------- SFTP


@needs_sshd
async def test_openssh_gives_the_file_and_takes_one(ssh: Served, tmp_path: Path) -> None:
    at = f"sftp://{USER}:{PASSWORD}@127.0.0.1:{ssh.port}"
    hosts = str(tmp_path / "known_hosts")
    got = await fetch(job(f"{at}/~/file.cpk", tmp_path, kept_hosts=hosts))
    assert got.ok and (tmp_path / "file.cpk").read_bytes() == CONTENT, got
    sent = await send(job(f"{at}/~", tmp_path, name="sent.zip", kept_hosts=hosts))
    assert sent.ok and (ssh.root / "sent.zip").read_bytes() == CONTENT, sent


# ----------------------------------------------------------------------------------------------------- password, path


@pytest.mark.long
@needs_nginx
async def test_nginx_asks_for_a_password(web: Served, tmp_path: Path) -> None:
    for who, code in (("", "denied"), (f"{USER}:wrong@", "denied"), (f"{USER}:{PASSWORD}@", "")):
        outcome = await fetch(job(f"http://{who}127.0.0.1:{web.port}/secret/file.cpk", tmp_path))
        assert outcome.code == code and PASSWORD not in outcome.text, outcome
    assert (await fetch(job(f"http://127.0.0.1:{web.port}/nothing", tmp_path))).code == "not_found"


@needs_nginx
async def test_nginx_leads_from_http_to_https(web: Served, keys: tuple[Path, Path, Path], tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{web.port}/to-tls/?to=file.cpk"
    outcome = await fetch(job(url, tmp_path, ca_file=str(keys[0])))
    assert outcome.ok and (tmp_path / "file.cpk").read_bytes() == CONTENT, outcome


@needs_nginx
async def test_a_certificate_is_good_for_its_name_only(
    web: Served, keys: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    wish = job(f"https://localhost:{web.tls_port}/file.cpk", tmp_path, ca_file=str(keys[0]))
    outcome = await fetch(msgspec.structs.replace(wish, allowed_hosts=("localhost",)))
    assert outcome.code == "bad_certificate", outcome


@needs_vsftpd
@pytest.mark.long
@pytest.mark.parametrize("kind", ["ftp", "ftps"])
async def test_vsftpd_says_no(kind: str, request: pytest.FixtureRequest, keys: Any, tmp_path: Path) -> None:
    served = request.getfixturevalue(kind)
    here = f"127.0.0.1:{served.port}"
    good, root = f"{kind}://{USER}:{PASSWORD}@{here}", str(keys[0])
    for url, code in (
        (f"{kind}://{USER}:wr0ng@{here}/file.cpk", "denied"),
        (f"{kind}://{here}/file.cpk", "denied"),
        (f"{good}/nothing.cpk", "not_found"),
    ):
        outcome = await fetch(job(url, tmp_path, ca_file=root))
        assert outcome.code == code and "wr0ng" not in outcome.text, outcome
    (tmp_path / "file.cpk").write_bytes(b"x")
    outcome = await send(job(f"{good}//etc/", tmp_path, name="x.zip", ca_file=root))
    assert outcome.code == "denied", outcome


@pytest.mark.long
@needs_sshd
async def test_openssh_says_no_and_a_changed_host_key_is_refused(ssh: Served, tmp_path: Path) -> None:
    here, hosts = f"127.0.0.1:{ssh.port}", tmp_path / "hosts"
    good = f"sftp://{USER}:{PASSWORD}@{here}"
    for url, code in (
        (f"sftp://{USER}:wr0ng@{here}/~/file.cpk", "denied"),
        (f"{good}/~/nothing", "not_found"),
        (f"{good}/etc/shadow", "denied"),
    ):
        outcome = await fetch(fresh(url, tmp_path, hosts))
        assert outcome.code == code and "wr0ng" not in outcome.text, outcome
    kept = hosts.read_text().split()
    assert kept[:2] == [f"[127.0.0.1]:{ssh.port}", "ssh-ed25519"] and len(kept) == 3
    other = servers.new_host_key(tmp_path / "other").with_suffix(".pub").read_text().split()[1]
    hosts.write_text(f"[127.0.0.1]:{ssh.port} ssh-ed25519 {other}\n")
    wish = fresh(f"{good}/~/file.cpk", tmp_path, hosts)
    assert (await fetch(wish)).code == "bad_host_key"
    assert (await fetch(msgspec.structs.replace(wish, known_hosts=str(hosts)))).code == "bad_host_key"
    hosts.write_text("elsewhere ssh-ed25519 " + other)
    assert (await fetch(msgspec.structs.replace(wish, known_hosts=str(hosts)))).code == "bad_host_key"


# ----------------------------------------------------------------------------------------------------------- going on


@needs_vsftpd
@pytest.mark.long
async def test_ftps_at_port_990_is_tls_from_the_first_byte(keys: tuple[Path, Path, Path], tmp_path: Path) -> None:
    with servers.folder() as where, servers.vsftpd(where, keys[1], keys[2], is_implicit=True) as served:
        (served.root / "file.cpk").write_bytes(CONTENT)
        at = f"ftps://{USER}:{PASSWORD}@127.0.0.99:990"
        outcome = await fetch(job(f"{at}/file.cpk", tmp_path, ca_file=str(keys[0])))
        assert outcome.ok and (tmp_path / "file.cpk").read_bytes() == CONTENT, outcome
        assert (await send(job(at, tmp_path, name="a.zip", ca_file=str(keys[0])))).ok


@needs_nginx
async def test_nginx_goes_on_where_the_power_went(web: Served, tmp_path: Path) -> None:
    wish = fresh(f"http://127.0.0.1:{web.port}/slow/file.cpk", tmp_path, tmp_path / "hosts")
    durable = await killed_in_the_middle(wish)
    last = await fetch(wish)
    assert last.ok and last.moved_bytes == len(CONTENT) - durable
    assert (tmp_path / "file.cpk").read_bytes() == CONTENT


@needs_vsftpd
@pytest.mark.parametrize("kind", ["ftp", pytest.param("ftps", marks=pytest.mark.long)])
async def test_vsftpd_goes_on_where_the_power_went(
    kind: str, request: pytest.FixtureRequest, keys: Any, tmp_path: Path
) -> None:
    served = request.getfixturevalue(kind)
    url = f"{kind}://{USER}:{PASSWORD}@127.0.0.1:{served.port}/file.cpk"
    wish = fresh(url, tmp_path, tmp_path / "hosts", ca_file=str(keys[0]))
    durable = await killed_in_the_middle(wish)
    last = await fetch(wish)
    assert last.ok and last.moved_bytes == len(CONTENT) - durable, last
    assert (tmp_path / "file.cpk").read_bytes() == CONTENT


@needs_sshd
async def test_openssh_goes_on_where_it_was_cut(ssh: Served, tmp_path: Path) -> None:
    async with cutting(ssh.port, [5_000_000]) as port:
        wish = fresh(f"sftp://{USER}:{PASSWORD}@127.0.0.1:{port}/~/file.cpk", tmp_path, tmp_path / "hosts")
        first, last = await fetch(wish), await fetch(wish)
    assert first.code == "cut" and last.ok and last.moved_bytes == len(CONTENT) - first.bytes < 6_000_000
    assert (tmp_path / "file.cpk").read_bytes() == CONTENT


@needs_vsftpd
@needs_sshd
@pytest.mark.parametrize("kind", ["ftp", *(pytest.param(kind, marks=pytest.mark.long) for kind in ("ftps", "ssh"))])
async def test_what_was_sent_of_a_file_is_gone_on_with(
    kind: str, request: pytest.FixtureRequest, keys: Any, tmp_path: Path
) -> None:
    served = request.getfixturevalue(kind)
    scheme = "sftp" if kind == "ssh" else kind
    url = f"{scheme}://{USER}:{PASSWORD}@127.0.0.1:{served.port}{'/~' if kind == 'ssh' else ''}/"
    (tmp_path / "file.cpk").write_bytes(SMALL)
    wish = fresh(url, tmp_path, tmp_path / "hosts", name="log.zip", ca_file=str(keys[0]))
    there = served.root / "log.zip"
    for before, resumes, moved in (
        (SMALL[:400_000], True, len(SMALL) - 400_000),
        (SMALL[:400_000], False, len(SMALL)),
        (SMALL + b"longer", True, len(SMALL)),
        (SMALL, True, 0),
    ):
        there.write_bytes(before)
        os.chown(there, servers.UID, servers.UID)
        outcome = await send(msgspec.structs.replace(wish, resumes=resumes))
        assert outcome.ok and outcome.moved_bytes == moved, outcome
        assert there.read_bytes() == SMALL


@needs_nginx
@pytest.mark.long
@pytest.mark.parametrize("scheme", ["http", "https", "sftp"])
async def test_a_file_that_is_cut_at_random_points_is_the_same_in_the_end(
    scheme: str, request: pytest.FixtureRequest, keys: Any, tmp_path: Path
) -> None:
    chance = random.Random(scheme)
    if scheme == "sftp" and (not Path(servers.SSHD).exists() or servers.why_not_root()):
        pytest.skip(servers.why_not_root() or "OpenSSH's server is not installed")
    served = request.getfixturevalue("ssh" if scheme == "sftp" else "web")
    behind = served.tls_port if scheme == "https" else served.port
    path = f"{'/~' if scheme == 'sftp' else ''}/file.cpk"
    for _ in range(20):
        cuts = [chance.randrange(0, 4_000_000) for _ in range(chance.randrange(1, 6))]
        async with cutting(behind, cuts) as port:
            url = f"{scheme}://{USER}:{PASSWORD}@127.0.0.1:{port}{path}"
            wish = fresh(url, tmp_path, tmp_path / f"hosts{port}", ca_file=str(keys[0]))
            for _ in range(len(cuts) + 1):
                outcome = await fetch(wish)
        assert outcome.ok and (tmp_path / "file.cpk").read_bytes() == CONTENT, outcome
        (tmp_path / "file.cpk").unlink()
