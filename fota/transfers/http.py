"""Files over HTTP and HTTPS: fetched in ranges, sent with PUT, or POST where PUT is not known.

Redirects are followed by hand: at most five, never to plain HTTP from HTTPS, each looked at like the first address;
user and password go to the first origin only (S5, F096). Source: RFC 9110 (10.2.2, 13.1.5, 14, 15), RFC 7578.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import re
import secrets
import ssl
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, urljoin, urlsplit

from fota.transfers.dialling import Place, dial, tls, wrap
from fota.transfers.job import (
    BAD_ANSWER,
    BAD_LOCATION,
    BAD_REDIRECT,
    BLOCK_BYTES,
    CUT,
    DENIED,
    NOT_FOUND,
    NOT_SUPPORTED,
    SERVER_ERROR,
    Failed,
    Job,
)
from fota.transfers.part import Part
from fota.transfers.telling import Telling
from fota.transfers.watch import Watch

Body = Callable[[], Iterator[bytes]]

MOST_REDIRECTS = 5
MOST_STARTS = 3
"""A server that changes the file each time is not followed for ever."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
SAME_DEED_REDIRECTS = frozenset({307, 308})
NO_PUT = frozenset({400, 404, 405, 501})
"""Answers to PUT of those who may take a POST instead (to a folder)."""
_REASONS = {
    401: DENIED,
    403: DENIED,
    407: DENIED,
    404: NOT_FOUND,
    410: NOT_FOUND,
    405: NOT_SUPPORTED,
    411: NOT_SUPPORTED,
    415: NOT_SUPPORTED,
    501: NOT_SUPPORTED,
    505: NOT_SUPPORTED,
}
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)
_SAFE_IN_TARGET = "%/:@!$&'()*+,;=~-._?"


class _Connection(http.client.HTTPConnection):
    """To the address that was looked at, with TLS where it is to be."""

    def __init__(self, place: Place, job: Job, context: ssl.SSLContext | None) -> None:
        super().__init__(place.host, place.port, timeout=job.stall_s)
        self._place, self._job, self._context = place, job, context
        if context is not None:
            self.default_port = 443  # what the Host header leaves out

    def connect(self) -> None:
        sock = dial(self._place, self._job)
        self.sock = sock if self._context is None else wrap(sock, self._place, self._context)


class Web:
    """What several requests of one try share."""

    def __init__(self, job: Job, watch: Watch, telling: Telling) -> None:
        self._job = job
        self._watch = watch
        self._telling = telling
        self._first = Place(job.url, job)
        self._context: ssl.SSLContext | None = None

    # ------------------------------------------------------------------------------------------------------- fetching

    def fetch(self) -> str:
        """Raises Failed."""
        part = Part(self._job, without_user(self._job.url), self._first.shown)
        try:
            self._telling.begin(part.bytes, part.size)
            starts = 0
            while not part.is_whole:
                starts += 1
                if self._fetch_once(part):
                    break
                if starts == MOST_STARTS:
                    raise Failed(BAD_ANSWER, "the server cannot go on with the file, nor does it give all of it")
                part.begin("", 0)
            part.finish()
            return ""
        finally:
            part.leave()

    def _fetch_once(self, part: Part) -> bool:
        """Whether all of it is here; False: once more, from the start. Raises Failed."""
        offset = part.bytes
        headers = {"Range": f"bytes={offset}-", "If-Range": part.validator} if offset else {}
        with self._answered("GET", headers) as answer:
            if answer.status == 416 and offset:
                return False
            if answer.status not in (200, 206) or (answer.status == 206 and not offset):
                raise _failed(answer)
            if answer.getheader("Content-Encoding", "identity").strip().lower() != "identity":
                raise Failed(BAD_ANSWER, "the server packs the file on its way, which was not asked for")
            length = _length(answer)
            if answer.status == 206:
                total = _total(answer, offset)
                if total is None or (length is not None and offset + length > total):
                    return False
                if (part.size and total != part.size) or _validator(answer) not in ("", part.validator):
                    return False  # it is another file by now
            else:
                part.begin(_validator(answer), length or 0)
            self._telling.begin(part.bytes, part.size)
            self._read(answer, part, length)
        if part.size and part.bytes < part.size:
            raise Failed(CUT, f"the connection ended after {part.bytes} of {part.size} bytes")
        return True

    def _read(self, answer: http.client.HTTPResponse, part: Part, length: int | None) -> None:
        came = 0
        with _cuts():
            while block := answer.read1(BLOCK_BYTES):
                part.add(block)
                came += len(block)
                self._watch.moved(len(block))
                self._telling.bytes = part.bytes
        if length is not None and came < length:
            raise Failed(CUT, f"the connection ended after {came} of {length} bytes")

    # -------------------------------------------------------------------------------------------------------- sending

    def send(self) -> str:
        """PUT to the file that the address names, or to one of this name below it; where PUT is not known, a form is
        posted to the address itself. Returns where it went. Raises Failed."""
        path = Path(self._job.file)
        url = self._job.url
        target = url if names_a_file(url) else below(url, self._job.name)
        with path.open("rb") as file:
            size = file.seek(0, 2)
            self._telling.begin(0, size)
            try:
                self._send_once("PUT", target, file, size)
            except _Status as error:
                if error.status not in NO_PUT or (error.status in (400, 404) and target == url):
                    raise
                self._telling.begin(0, size)
                self._send_once("POST", url, file, size)
                return Place(url, self._job).shown
        return Place(target, self._job).shown

    def _send_once(self, method: str, url: str, file: BinaryIO, size: int) -> None:
        before, after, headers = b"", b"", {"Content-Type": "application/zip"}
        if method == "POST":
            before, after, headers = form(self._job.name)
        headers["Content-Length"] = str(len(before) + size + len(after))

        def body() -> Iterator[bytes]:
            file.seek(0)
            yield before
            while block := file.read(BLOCK_BYTES):
                yield block
            yield after

        with self._answered(method, headers, url, body) as answer:
            if not 200 <= answer.status < 300:
                raise _failed(answer)

    # ------------------------------------------------------------------------------------------------------- requests

    @contextlib.contextmanager
    def _answered(
        self, method: str, headers: dict[str, str], url: str = "", body: Body | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """The answer at the end of all redirects. Raises Failed."""
        url = url or self._job.url
        followed = SAME_DEED_REDIRECTS if body else REDIRECTS
        for _ in range(MOST_REDIRECTS + 1):
            place = Place(url, self._job)
            connection = _Connection(place, self._job, self._tls() if place.scheme == "https" else None)
            try:
                answer = self._asked(connection, place, method, headers, body)
                if answer.status not in followed or not answer.getheader("Location"):
                    yield answer
                    return
                url = redirected(url, answer.getheader("Location", ""))
            finally:
                connection.close()
        raise Failed(BAD_REDIRECT, f"more than {MOST_REDIRECTS} redirects")

    def _asked(
        self, connection: _Connection, place: Place, method: str, headers: dict[str, str], body: Body | None
    ) -> http.client.HTTPResponse:
        with _cuts():
            connection.putrequest(method, target_of(place), skip_accept_encoding=True)
            for name, value in (headers | self._usual(place)).items():
                connection.putheader(name, value)
            connection.endheaders()
            if body is not None:
                self._pour(connection, body)
            return connection.getresponse()

    def _pour(self, connection: _Connection, body: Body) -> None:
        """A server that says no before it has all of it may close: its answer is worth more than the broken pipe."""
        try:
            for block in body():
                connection.send(block)
                self._watch.moved(len(block))
                self._telling.bytes = min(self._telling.size, self._telling.bytes + len(block))
        except ConnectionError:
            pass  # the answer, or its lack, says it

    def _usual(self, place: Place) -> dict[str, str]:
        usual = {"Accept-Encoding": "identity", "User-Agent": "chargepoint", "Connection": "close"}
        if self._first.user and place.origin == self._first.origin:
            secret = f"{self._first.user}:{self._first.password}".encode()
            usual["Authorization"] = "Basic " + base64.b64encode(secret).decode()
        return usual

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = tls(self._job)
        return self._context


class _Status(Failed):
    """The server says no."""

    def __init__(self, status: int, reason: str) -> None:
        code = _REASONS.get(status, SERVER_ERROR if status >= 500 or status in (408, 425, 429) else BAD_ANSWER)
        super().__init__(code, f"the server answers {status} {reason}".strip())
        self.status = status


def _failed(answer: http.client.HTTPResponse) -> _Status:
    reason = "".join(char for char in answer.reason or "" if char.isprintable())[:80]
    return _Status(answer.status, reason)


@contextlib.contextmanager
def _cuts() -> Iterator[None]:
    """What breaks on the way, as Failed."""
    try:
        yield
    except http.client.IncompleteRead:
        raise Failed(CUT, "the connection ended in the middle") from None
    except OSError as error:
        raise Failed(CUT, f"the connection broke: {error.strerror or error}") from None
    except (http.client.HTTPException, ValueError) as error:
        code = BAD_LOCATION if isinstance(error, UnicodeError | http.client.InvalidURL) else BAD_ANSWER
        raise Failed(code, f"the server's answer cannot be read ({type(error).__name__})") from None


# ------------------------------------------------------------------------------------------------------- pure rules


def redirected(url: str, location: str) -> str:
    """Where `url` is sent to, without any user and password. Raises Failed where nobody may follow."""
    try:
        wanted = without_user(urljoin(without_user(url), location))
        before, after = urlsplit(url).scheme.lower(), urlsplit(wanted).scheme.lower()
    except ValueError:
        raise Failed(BAD_REDIRECT, "it is redirected to what is no address") from None
    if after != before and (before, after) != ("http", "https"):
        raise Failed(BAD_REDIRECT, f"it is redirected from {before} to {after[:20] or 'nowhere'}")
    return wanted


def without_user(url: str) -> str:
    """`url` without user and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def names_a_file(url: str) -> bool:
    """Whether an address to send to names the file itself: its last part has an ending, or a query (signed by a
    storage service) follows. Otherwise it is a folder, as OCPP has it."""
    parts = urlsplit(url)
    return bool(parts.query) or "." in parts.path.rpartition("/")[2].strip(".")


def below(url: str, name: str) -> str:
    """The address of `name` in the folder `url`."""
    parts = urlsplit(url)
    return parts._replace(path=f"{parts.path.rstrip('/')}/{quote(name)}", fragment="").geturl()


def target_of(place: Place) -> str:
    """What stands behind the method."""
    path = quote(place.parts.path or "/", safe=_SAFE_IN_TARGET)
    return f"{path}?{quote(place.parts.query, safe=_SAFE_IN_TARGET)}" if place.parts.query else path


def form(name: str) -> tuple[bytes, bytes, dict[str, str]]:
    """What stands before and behind a file in a form with the one field `file` (RFC 7578), and the headers."""
    mark = secrets.token_hex(16)
    head = (
        f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/zip\r\n\r\n"
    )
    return head.encode(), f"\r\n--{mark}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={mark}"}


def _length(answer: http.client.HTTPResponse) -> int | None:
    """As it is told; None: it is not, or it comes in chunks."""
    return None if answer.chunked else answer.length


def _validator(answer: http.client.HTTPResponse) -> str:
    """What tells this version of the file from another one, good enough to join two pieces by; else empty."""
    tag = answer.getheader("ETag", "").strip()
    if tag.startswith('"') and tag.isascii() and tag.isprintable() and len(tag) <= 500:
        return tag
    date = answer.getheader("Last-Modified", "").strip()
    try:  # one that is fresh may change within its second (RFC 9110, 8.8.2.2)
        changed = parsedate_to_datetime(date)
        told = parsedate_to_datetime(answer.getheader("Date", ""))
        return date if (told - changed).total_seconds() >= 1 and len(date) <= 60 else ""
    except (ValueError, TypeError):
        return ""


def _total(answer: http.client.HTTPResponse, offset: int) -> int | None:
    """Of the whole file, when the answer holds it from `offset` to the end; else None."""
    found = _RANGE.fullmatch(answer.getheader("Content-Range", "").strip())
    if found is None or found[3] == "*":
        return None
    first, last, total = int(found[1]), int(found[2]), int(found[3])
    return total if first == offset and last == total - 1 else None
