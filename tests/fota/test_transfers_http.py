"""Fetching and sending over HTTP with servers that are not nice (F096, F097, N045)."""

from __future__ import annotations

import asyncio
import gzip
import random
import socket
from pathlib import Path

import pytest

from fota.fetching import Job, Outcome, fetch, forget, send
from fota.transfers.dialling import Place, dial
from fota.transfers.http import below, names_a_file, redirected
from fota.transfers.job import Failed
from tests.fota.nasty import Asked, Behaviour, head, ranges, serving

realtime, long = pytest.mark.realtime, pytest.mark.long

HERE = ("127.0.0.1",)
CONTENT = random.Random(8).randbytes(3_000_000)


def job(url: str, folder: Path, **more: object) -> Job:
    return Job(url=url, file=str(folder / "file.cpk"), allowed_hosts=HERE, **more)  # type: ignore[arg-type]


def answering(text: bytes) -> Behaviour:
    """Says the same to everybody."""

    async def behave(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(text)

    return behave


async def fetched(behaviour: Behaviour, folder: Path, **more: object) -> Outcome:
    """One try at a server that behaves so."""
    async with serving(behaviour) as server:
        return await fetch(job(server.url(), folder, **more))


def is_empty(folder: Path) -> bool:
    return not list(folder.iterdir())


# ---------------------------------------------------------------------------------------------------------- going on


@realtime
async def test_a_file_cut_again_and_again_comes_whole_in_the_end(tmp_path: Path) -> None:
    chance = random.Random(1)
    cuts = [chance.randrange(1, 450_000) for _ in range(6)]
    async with serving(ranges(CONTENT, cuts=cuts)) as server:
        wish = job(server.url(), tmp_path)
        outcomes = [await fetch(wish) for _ in cuts]
        last = await fetch(wish)
    assert [outcome.code for outcome in outcomes] == ["cut"] * 6, outcomes
    assert last.ok and last.bytes == len(CONTENT) and last.moved_bytes == len(CONTENT) - sum(cuts)
    assert (tmp_path / "file.cpk").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["file.cpk"]


@realtime
@pytest.mark.parametrize(
    "damage",
    [
        "longer",
        "shorter",
        "bad json",
        *(pytest.param(damage, marks=long) for damage in ("gone", "no json", "other address")),
    ],
)
async def test_a_part_is_trusted_no_further_than_it_is_noted(tmp_path: Path, damage: str) -> None:
    async with serving(ranges(CONTENT, cuts=[1_000_000])) as server:
        await fetch(job(server.url(), tmp_path))
        part, note = tmp_path / "file.cpk.part", tmp_path / "file.cpk.part.json"
        assert part.stat().st_size == 1_000_000
        if damage == "longer":
            with part.open("ab") as file:
                file.write(b"\xff" * 500_000)
        elif damage == "shorter":
            part.write_bytes(CONTENT[:400_000])
        elif damage == "gone":
            part.unlink()
        elif damage == "no json":
            note.unlink()
        elif damage == "bad json":
            note.write_bytes(note.read_bytes()[:-9])
        path = "/other.cpk" if damage == "other address" else "/file.cpk"
        outcome = await fetch(job(server.url(path), tmp_path))
    assert outcome.ok and (tmp_path / "file.cpk").read_bytes() == CONTENT
    assert ("range" in server.requests[-1].headers) == (damage == "longer")


@realtime
async def test_another_version_of_the_file_is_fetched_from_its_start(tmp_path: Path) -> None:
    other = CONTENT[::-1]
    async with serving(ranges(CONTENT, cuts=[700_000])) as server:
        now = [ranges(CONTENT, cuts=[700_000]), ranges(other, '"v2"')]

        async def changing(asked: Asked, writer: asyncio.StreamWriter) -> None:
            await now.pop(0)(asked, writer)

        async with serving(changing) as server:
            assert (await fetch(job(server.url(), tmp_path))).code == "cut"
            assert (await fetch(job(server.url(), tmp_path))).ok
    assert (tmp_path / "file.cpk").read_bytes() == other


@realtime
@pytest.mark.parametrize(
    "lie",
    [
        {"content_range": "bytes 0-99/3000000", "content_length": 100},
        pytest.param({"content_range": "bytes 600000-2999999/2999999", "content_length": 2_400_000}, marks=long),
        {"content_range": "bytes 600000-700000/3000000", "content_length": 100_001},
        pytest.param({"content_range": "bytes */3000000", "content_length": 10}, marks=long),
        pytest.param({"content_length": 2_400_000}, marks=long),
        {"content_range": "bytes 600000-2999999/3000000", "content_length": 2_400_000, "etag": '"v2"'},
        {"content_range": "bytes 600000-4999999/5000000", "content_length": 4_400_000},
    ],
)
async def test_a_wrong_range_is_not_joined_on(tmp_path: Path, lie: dict[str, object]) -> None:
    good = ranges(CONTENT, cuts=[600_000])

    async def behave(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if "range" in asked.headers:
            writer.write(head("206 Partial Content", **lie) + bytes(1000))
        else:
            await good(asked, writer)

    async with serving(behave) as server:
        assert (await fetch(job(server.url(), tmp_path))).code == "cut"
        assert (await fetch(job(server.url(), tmp_path))).ok
    assert (tmp_path / "file.cpk").read_bytes() == CONTENT


@realtime
async def test_a_part_beyond_the_end_is_thrown_away(tmp_path: Path) -> None:
    good = ranges(CONTENT[:500_000])

    async def behave(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.headers.get("if-range") == '"v1"' or "range" in asked.headers:
            writer.write(head("416 Range Not Satisfiable", content_range="bytes */500000", content_length=0))
        elif len(server.requests) == 1:
            writer.write(head("200 OK", content_length=3_000_000, etag='"v1"') + CONTENT[:900_000])
        else:
            await good(asked, writer)

    async with serving(behave) as server:
        assert (await fetch(job(server.url(), tmp_path))).code == "cut"
        assert (await fetch(job(server.url(), tmp_path))).ok
    assert (tmp_path / "file.cpk").read_bytes() == CONTENT[:500_000]


@realtime
async def test_without_a_mark_of_its_version_a_file_begins_anew(tmp_path: Path) -> None:
    async def behave(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        whole = len(server.requests) > 1
        writer.write(head("200 OK", content_length=9000) + CONTENT[: 9000 if whole else 4000])

    async with serving(behave) as server:
        assert (await fetch(job(server.url(), tmp_path))).code == "cut" and is_empty(tmp_path)
        assert (await fetch(job(server.url(), tmp_path))).ok
    assert "range" not in server.requests[1].headers


@realtime
async def test_what_was_left_of_tries_can_be_removed(tmp_path: Path) -> None:
    async with serving(ranges(CONTENT, cuts=[600_000])) as server:
        await fetch(job(server.url(), tmp_path))
    assert not is_empty(tmp_path)
    forget(tmp_path / "file.cpk")
    assert is_empty(tmp_path)


# ------------------------------------------------------------------------------------------------ huge, endless, slow


async def endless(_asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(head("200 OK", transfer_encoding="chunked"))
    while True:
        writer.write(b"10000\r\n" + bytes(65536) + b"\r\n")
        await writer.drain()


async def endless_close(_asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(head("200 OK"))
    while True:
        writer.write(bytes(65536))
        await writer.drain()


async def drip(_asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(head("200 OK", content_length=1000))
    while True:
        writer.write(b"x")
        await asyncio.sleep(0.3)


async def drip_head(_asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x")
        await asyncio.sleep(0.1)


async def go_on_for_ever(_asked: Asked, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(head("100 Continue"))
        await writer.drain()
        await asyncio.sleep(0.01)


async def silent(_asked: Asked, _writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(100)


@realtime
@pytest.mark.parametrize("behaviour", [endless, endless_close])
async def test_what_does_not_end_is_taken_up_to_the_bound(tmp_path: Path, behaviour: Behaviour) -> None:
    outcome = await fetched(behaviour, tmp_path, largest_bytes=2_000_000)
    assert outcome.code == "too_large" and is_empty(tmp_path)


@realtime
@pytest.mark.parametrize(
    "behaviour", [drip, silent, pytest.param(drip_head, marks=long), pytest.param(go_on_for_ever, marks=long)]
)
async def test_what_crawls_is_given_up(tmp_path: Path, behaviour: Behaviour) -> None:
    outcome = await fetched(behaviour, tmp_path, stall_s=0.4)
    assert outcome.code in {"stalled", "cut"} and not outcome.is_lasting and outcome.bytes < 20, outcome


@realtime
async def test_a_try_ends_at_its_deadline(tmp_path: Path) -> None:
    outcome = await fetched(silent, tmp_path, deadline_s=0.3)
    assert outcome.code == "late"


@realtime
async def test_a_length_over_the_bound_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    huge = answering(head("200 OK", content_length=20 << 30, etag='"a"') + b"x")
    outcome = await fetched(huge, tmp_path)
    assert (outcome.code, outcome.bytes) == ("too_large", 0) and is_empty(tmp_path)


@realtime
async def test_the_disk_keeps_its_reserve(tmp_path: Path) -> None:
    outcome = await fetched(ranges(CONTENT), tmp_path, floor_bytes=1 << 60)
    assert outcome.code == "no_room" and is_empty(tmp_path)


@realtime
async def test_no_length_is_good_within_the_bound(tmp_path: Path) -> None:
    assert (await fetched(answering(head("200 OK") + CONTENT[:5000]), tmp_path)).ok
    assert (tmp_path / "file.cpk").read_bytes() == CONTENT[:5000]
    chunked = head("200 OK", transfer_encoding="chunked") + b"5\r\nhello\r\n0\r\n\r\n"
    assert (await fetched(answering(chunked), tmp_path)).bytes == 5


@realtime
@pytest.mark.parametrize(
    ("text", "code"),
    [
        (head("200 OK", transfer_encoding="chunked") + b"5\r\nhel", "cut"),
        pytest.param(head("200 OK", transfer_encoding="chunked") + b"zz\r\nhello", "cut", marks=long),
        (head("200 OK", content_encoding="gzip") + gzip.compress(bytes(1000), mtime=0), "bad_answer"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", "bad_answer", marks=long),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "bad_answer", marks=long),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", "bad_answer", marks=long),
        pytest.param(b"", "cut", marks=long),
        pytest.param(
            head("206 Partial Content", content_range="bytes 0-4/5", content_length=5) + b"hello",
            "bad_answer",
            marks=long,
        ),
        (head("404 Not Found", content_length=0), "not_found"),
        pytest.param(head("401 Unauthorized", content_length=0), "denied", marks=long),
        pytest.param(head("503 Later", content_length=0), "server_error", marks=long),
        pytest.param(head("204 No Content"), "bad_answer", marks=long),
    ],
)
async def test_an_answer_that_is_none_is_told_as_what_it_is(tmp_path: Path, text: bytes, code: str) -> None:
    outcome = await fetched(answering(text), tmp_path)
    assert outcome.code == code and is_empty(tmp_path), outcome


# ------------------------------------------------------------------------------------------- redirects, where it leads


@realtime
async def test_redirects_are_followed_five_times_and_take_no_password_elsewhere(tmp_path: Path) -> None:
    async def behave(asked: Asked, writer: asyncio.StreamWriter) -> None:
        step = int(asked.target.removeprefix("/"))
        if step == 5:
            writer.write(head("200 OK", content_length=2) + b"ok")
        else:
            writer.write(head("302 Found", location=f"/{step + 1}" if step else away.url("/1"), content_length=0))

    async with serving(behave) as first, serving(behave) as away:
        outcome = await fetch(job(first.url("/0", host="anna:hunter2@127.0.0.1"), tmp_path))
    assert outcome.ok and outcome.bytes == 2
    assert first.requests[0].headers["authorization"].startswith("Basic ")
    assert [request.headers.get("authorization") for request in away.requests] == [None] * 5


@realtime
@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("/again", "bad_redirect"),
        ("file:///etc/passwd", "bad_redirect"),
        pytest.param("ftp://127.0.0.1/x", "bad_redirect", marks=long),
        ("http://127.0.0.2/x", "bad_location"),
        pytest.param("http://169.254.169.254/latest", "bad_location", marks=long),
        pytest.param("http://[::1]:9/x", "bad_location", marks=long),
        pytest.param("http://localhost/x", "bad_location", marks=long),
        pytest.param("http://a b/", "bad_location", marks=long),
        pytest.param("http://[/", "bad_redirect", marks=long),
        pytest.param("//anna:hunter2@127.0.0.3/x", "bad_location", marks=long),
    ],
)
async def test_a_redirect_leads_nowhere_it_must_not(tmp_path: Path, location: str, code: str) -> None:
    outcome = await fetched(answering(head("302 Found", location=location, content_length=0)), tmp_path)
    assert outcome.code == code and "hunter2" not in outcome.text and is_empty(tmp_path), outcome


def test_https_is_never_left_and_user_and_password_never_taken_along() -> None:
    assert redirected("http://u:p@a/x", "https://v:q@b/y") == "https://b/y"
    assert redirected("https://u:p@a/x/y", "../z?1") == "https://a/z?1"
    for bad in ("http://a/x", "ftp://a/x", "javascript:1", "sftp://a/x"):
        with pytest.raises(Failed, match="redirected"):
            redirected("https://a/x", bad)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "169.254.1.1", "fe80::1%lo", "0.0.0.0", "10.1.2.3", "::ffff:127.0.0.1"]
)
def test_a_name_that_leads_back_here_is_not_dialled(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    def resolve(*_: object, **__: object) -> list[object]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, 80))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    wish = Job(url="http://files.example.org/x", file="/x", own=("10.1.2.3",))
    with pytest.raises(Failed) as error:
        dial(Place(wish.url, wish), wish)
    assert error.value.code == "bad_location"


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://h/x",
        "http://127.0.0.2/x",
        "http://2130706433/x",
        "http://h/%0d%0aX:%20y",
        "ftp://h/a%0d%0aDELE b",
        "http://h/$(id)`id`",
        "http://h:0/",
        "http:///x",
    ],
)
def test_a_hostile_address_is_no_place(url: str) -> None:
    with pytest.raises(Failed) as error:
        Place(url, Job(url=url, file="/x"))
    assert error.value.code == "bad_location"


@realtime
async def test_a_hostile_address_ends_the_try_and_reads_nothing(tmp_path: Path) -> None:
    outcome = await fetch(job("file:///etc/passwd", tmp_path))
    assert outcome.code == "bad_location" and is_empty(tmp_path), outcome


# ------------------------------------------------------------------------------------------------------------ sending


@realtime
async def test_a_folder_gets_a_put_and_who_knows_none_a_form(tmp_path: Path) -> None:
    (tmp_path / "log.zip").write_bytes(CONTENT)

    async def forms_only(asked: Asked, writer: asyncio.StreamWriter) -> None:
        status = "405 Method Not Allowed" if asked.method == "PUT" else "200 OK"
        writer.write(head(status, content_length=0))

    async with serving(forms_only) as server:
        wish = Job(url=server.url("/up"), file=str(tmp_path / "log.zip"), name="CP7_1.zip", allowed_hosts=HERE)
        outcome = await send(wish)
    put, post = server.requests
    assert outcome.ok and outcome.bytes == len(CONTENT)
    assert (put.method, put.target, put.body) == ("PUT", "/up/CP7_1.zip", CONTENT)
    assert (post.method, post.target) == ("POST", "/up")
    mark = post.headers["content-type"].removeprefix("multipart/form-data; boundary=").encode()
    before, after = post.body.split(CONTENT)
    assert before.startswith(b"--" + mark) and b'name="file"; filename="CP7_1.zip"' in before
    assert after == b"\r\n--" + mark + b"--\r\n"


@realtime
@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("201 Created", ""),
        ("403 Forbidden", "denied"),
        pytest.param("401 No", "denied", marks=long),
        pytest.param("507 Full", "server_error", marks=long),
        ("302 Found", "bad_answer"),
        pytest.param("404 Nowhere", "not_found", marks=long),
    ],
)
async def test_a_signed_address_is_the_file_itself(tmp_path: Path, status: str, code: str) -> None:
    (tmp_path / "log.zip").write_bytes(b"hello")
    async with serving(answering(head(status, content_length=0, location="/x"))) as server:
        wish = Job(url=server.url("/b/k?sig=1%2B2"), file=str(tmp_path / "log.zip"), name="n.zip", allowed_hosts=HERE)
        outcome = await send(wish)
    assert outcome.code == code
    assert [(each.method, each.target) for each in server.requests] == [("PUT", "/b/k?sig=1%2B2")]


@realtime
async def test_an_upload_is_led_on_with_the_whole_file(tmp_path: Path) -> None:
    (tmp_path / "log.zip").write_bytes(CONTENT)

    async def behave(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.target == "/up/n.zip":
            writer.write(head("307 There", location="/there", content_length=0))
        else:
            writer.write(head("201 Created", content_length=0))

    async with serving(behave) as server:
        outcome = await send(
            Job(url=server.url("/up/"), file=str(tmp_path / "log.zip"), name="n.zip", allowed_hosts=HERE)
        )
    assert outcome.ok and [(each.target, each.body == CONTENT) for each in server.requests] == [
        ("/up/n.zip", True), ("/there", True)]  # fmt: skip


@realtime
async def test_a_server_that_closes_in_the_middle_of_an_upload_is_a_cut(tmp_path: Path) -> None:
    (tmp_path / "log.zip").write_bytes(bytes(20_000_000))

    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    listening = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        wish = Job(url=f"http://127.0.0.1:{port}/", file=str(tmp_path / "log.zip"), name="n", allowed_hosts=HERE)
        outcome = await send(wish)
    assert outcome.code == "cut", outcome


def test_what_names_a_file_and_what_a_folder() -> None:
    assert not names_a_file("http://h/logs") and not names_a_file("http://h/") and not names_a_file("http://h/a.b/")
    assert names_a_file("http://h/a.zip") and names_a_file("http://h/key?sig=1") and not names_a_file("http://h/..")
    assert below("http://h/a/", "n m.zip") == "http://h/a/n%20m.zip"
