"""Files over FTP, and over FTPS: explicit TLS, or from the first byte at port 990.

The address a server names for the data is not followed: data goes where the control connection goes. Paths are below
the folder of the log-in; `ftp://host//path` means the top. Source: RFC 959, RFC 3659 (REST, SIZE, MDTM), RFC 4217.
"""

from __future__ import annotations

import contextlib
import ftplib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from fota.transfers.dialling import Place, dial, tls, wrap
from fota.transfers.job import (
    BAD_ANSWER,
    BAD_LOCATION,
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
from fota.transfers.paths import remote_name
from fota.transfers.telling import Telling
from fota.transfers.watch import Watch

IMPLICIT_PORT = 990
_REASONS = {
    "530": DENIED,
    "532": DENIED,
    "534": NOT_SUPPORTED,
    "550": NOT_FOUND,
    "553": DENIED,
    "500": NOT_SUPPORTED,
    "502": NOT_SUPPORTED,
    "504": NOT_SUPPORTED,
}


class _Control(ftplib.FTP_TLS):
    """A control connection over a socket that was looked at, with or without TLS."""

    def __init__(self, place: Place, job: Job) -> None:
        self._is_secure = place.scheme == "ftps"
        super().__init__(context=tls(job) if self._is_secure else None, timeout=job.stall_s, encoding="utf-8")
        self.host, self.port = place.host, place.port
        self.sock = dial(place, job)
        self.af = self.sock.family
        if self._is_secure and place.port == IMPLICIT_PORT:
            self.sock = wrap(self.sock, place, self.context)
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        if self._is_secure and not isinstance(self.sock, ssl.SSLSocket):
            self.voidcmd("AUTH TLS")
            self.sock = wrap(self.sock, place, self.context)
            self.file = self.sock.makefile("r", encoding=self.encoding)

    def enter(self, user: str, password: str) -> None:
        ftplib.FTP.login(self, user or "anonymous", password or "anonymous@")  # noqa: S321
        if self._is_secure:
            self.prot_p()
        self.voidcmd("TYPE I")

    def data(self, command: str, rest: int) -> tuple[socket.socket, int | None]:
        """The connection for a file; with TLS it belongs to the same session, as good servers want it."""
        conn, size = ftplib.FTP.ntransfercmd(self, command, rest or None)  # noqa: S321
        if self._is_secure:
            assert isinstance(self.sock, ssl.SSLSocket)
            conn = self.context.wrap_socket(conn, server_hostname=self.host, session=self.sock.session)
        return conn, size


class Ftp:
    """One try."""

    def __init__(self, job: Job, watch: Watch, telling: Telling) -> None:
        self._job = job
        self._watch = watch
        self._telling = telling
        self._place = Place(job.url, job)

    # ------------------------------------------------------------------------------------------------------- fetching

    def fetch(self) -> str:
        """Raises Failed."""
        place = self._place
        path = place.path.removeprefix("/")
        part = Part(self._job, f"{place.scheme}://{place.host}:{place.port}/{path}", place.shown)
        try:
            self._telling.begin(part.bytes, part.size)
            with self._entered() as control:
                size, changed = self._size(control, path), self._changed(control, path)
                version = f"{size} {changed}" if size is not None and changed else ""
                if not version or version != part.validator:
                    part.begin(version, size or 0)
                self._telling.begin(part.bytes, part.size)
                if not part.is_whole:
                    self._retrieve(control, path, part)
            if size is not None and part.bytes != size:
                raise Failed(CUT, f"the connection ended after {part.bytes} of {size} bytes")
            part.finish()
            return ""
        finally:
            part.leave()

    def _retrieve(self, control: _Control, path: str, part: Part) -> None:
        try:
            conn, _ = control.data(f"RETR {path}", part.bytes)
        except ftplib.error_perm:
            if not part.bytes:
                raise
            part.begin(part.validator, part.size)  # it knows no REST
            self._telling.begin(0, part.size)
            conn, _ = control.data(f"RETR {path}", 0)
        with conn:
            while block := conn.recv(BLOCK_BYTES):
                part.add(block)
                self._watch.moved(len(block))
                self._telling.bytes = part.bytes
            _close_tls(conn)
        control.voidresp()

    # -------------------------------------------------------------------------------------------------------- sending

    def send(self) -> str:
        """Raises Failed."""
        path = remote_name(self._place.path.removeprefix("/"), self._job.name)
        with Path(self._job.file).open("rb") as file, self._entered() as control:
            size = file.seek(0, 2)
            there = (self._size(control, path) or 0) if self._job.resumes else 0
            start = there if 0 < there <= size else 0
            self._store(control, path, file, start, size)
            if self._size(control, path) not in (None, size) and start:
                self._store(control, path, file, 0, size)  # what was there was not ours
            arrived = self._size(control, path)
        if arrived not in (None, size):
            raise Failed(CUT, f"{arrived} of {size} bytes arrived")
        return self._place.parts._replace(netloc=self._place.host, path=f"/{path}", query="", fragment="").geturl()

    def _store(self, control: _Control, path: str, file: BinaryIO, start: int, size: int) -> None:
        self._telling.begin(start, size)
        if start == size > 0:
            return
        file.seek(start)
        try:
            conn, _ = control.data(f"APPE {path}" if start else f"STOR {path}", 0)
        except ftplib.error_perm:
            if not start:
                raise
            file.seek(0)
            self._telling.begin(0, size)
            conn, _ = control.data(f"STOR {path}", 0)
        with conn:
            while block := file.read(BLOCK_BYTES):
                conn.sendall(block)
                self._watch.moved(len(block))
                self._telling.bytes += len(block)
            _close_tls(conn)
        control.voidresp()

    # -------------------------------------------------------------------------------------------------------- control

    @contextlib.contextmanager
    def _entered(self) -> Iterator[_Control]:
        """Logged in, binary. What goes wrong inside is told as Failed."""
        try:
            control = _Control(self._place, self._job)
            try:
                control.enter(self._place.user, self._place.password)
                yield control
                with contextlib.suppress(ftplib.Error, OSError, EOFError):
                    control.quit()
            finally:
                control.close()
        except ftplib.error_perm as error:
            raise self._no(str(error)) from None
        except ftplib.error_temp as error:
            raise Failed(SERVER_ERROR, f"the server answers {self._plain(str(error))}") from None
        except ftplib.Error as error:
            raise Failed(BAD_ANSWER, f"the server answers {self._plain(str(error))}") from None
        except EOFError:
            raise Failed(CUT, "the server ended the connection") from None
        except ValueError:
            raise Failed(BAD_LOCATION, "the address or the answer holds what FTP cannot say") from None
        except OSError as error:
            raise Failed(CUT, f"the connection broke: {error.strerror or error}") from None

    def _no(self, answer: str) -> Failed:
        code = _REASONS.get(answer[:3], BAD_ANSWER)
        if answer[:3] == "550" and ("denied" in answer.lower() or "permission" in answer.lower()):
            code = DENIED
        return Failed(code, f"the server answers {self._plain(answer)}")

    def _plain(self, answer: str) -> str:
        text = "".join(char if char.isprintable() else " " for char in answer)[:150]
        return text.replace(self._place.password, "***") if self._place.password else text

    @staticmethod
    def _size(control: _Control, path: str) -> int | None:
        try:
            return control.size(path)
        except ftplib.error_perm:
            return None

    @staticmethod
    def _changed(control: _Control, path: str) -> str:
        try:
            return control.sendcmd(f"MDTM {path}")[3:].strip()[:40]
        except ftplib.error_perm:
            return ""


def _close_tls(conn: socket.socket) -> None:
    """Say the end in TLS, too, or the other side must take the file for one that was cut."""
    if isinstance(conn, ssl.SSLSocket):
        with contextlib.suppress(OSError):
            conn.unwrap()
