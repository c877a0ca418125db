"""Files over SFTP. Host keys come from a file, or the first one of a server is kept and another one refused.

Paths are from the top; `sftp://host/~/path` means the home of the user. Pieces of 32 KiB, 32 asked for at a time: so
much is held in memory. Source: RFC 4251-4254; draft-ietf-secsh-filexfer-02.
"""

from __future__ import annotations

import contextlib
import errno
import logging
from collections.abc import Iterator
from pathlib import Path

import paramiko

from chargepoint.whole_file import write
from fota.transfers.dialling import Place, dial
from fota.transfers.job import (
    BAD_HOST_KEY,
    CUT,
    DENIED,
    LOCAL,
    NOT_FOUND,
    SERVER_ERROR,
    UNREACHABLE,
    Failed,
    Job,
)
from fota.transfers.part import Part
from fota.transfers.paths import remote_name, sftp_path
from fota.transfers.telling import Telling
from fota.transfers.watch import Watch

PIECE_BYTES = 32 << 10
PIECES = 32
MOST_HOSTS_BYTES = 1 << 20


class Sftp:
    """One try."""

    def __init__(self, job: Job, watch: Watch, telling: Telling) -> None:
        logging.getLogger("paramiko").addHandler(logging.NullHandler())
        self._job = job
        self._watch = watch
        self._telling = telling
        self._place = Place(job.url, job)

    def fetch(self) -> str:
        """Raises Failed."""
        place, path = self._place, sftp_path(self._place.path)
        part = Part(self._job, f"sftp://{place.host}:{place.port}{place.path}", place.shown)
        try:
            self._telling.begin(part.bytes, part.size)
            with self._entered() as client:
                status = client.stat(path)
                size = status.st_size or 0
                version = f"{size} {status.st_mtime}"
                if version != part.validator:
                    part.begin(version, size)
                self._telling.begin(part.bytes, size)
                with client.open(path, "rb") as file:
                    self._read(file, part, size)
            if part.bytes < size:
                raise Failed(CUT, f"the file ended after {part.bytes} of {size} bytes")
            part.finish()
            return ""
        finally:
            part.leave()

    def _read(self, file: paramiko.SFTPFile, part: Part, size: int) -> None:
        while part.bytes < size:
            end = min(size, part.bytes + PIECES * PIECE_BYTES)
            pieces = [(at, min(PIECE_BYTES, end - at)) for at in range(part.bytes, end, PIECE_BYTES)]
            for block in file.readv(pieces):
                if not block:
                    return
                part.add(block)
                self._watch.moved(len(block))
                self._telling.bytes = part.bytes

    def send(self) -> str:
        """Raises Failed."""
        path = sftp_path(remote_name(self._place.path, self._job.name))
        with Path(self._job.file).open("rb") as file, self._entered() as client:
            size = file.seek(0, 2)
            there = 0
            if self._job.resumes:
                with contextlib.suppress(OSError):
                    there = client.stat(path).st_size or 0
            start = there if 0 < there <= size else 0
            self._telling.begin(start, size)
            file.seek(start)
            with client.open(path, "r+b" if start else "wb") as target:
                target.set_pipelined(True)
                target.seek(start)
                while block := file.read(PIECE_BYTES):
                    target.write(block)
                    self._watch.moved(len(block))
                    self._telling.bytes += len(block)
            arrived = client.stat(path).st_size
        if arrived != size:
            raise Failed(CUT, f"{arrived} of {size} bytes arrived")
        return self._place.parts._replace(netloc=self._place.host, path=path, query="", fragment="").geturl()

    @contextlib.contextmanager
    def _entered(self) -> Iterator[paramiko.SFTPClient]:
        """Logged in. What goes wrong inside is told as Failed."""
        sock = dial(self._place, self._job)
        try:
            with contextlib.closing(paramiko.Transport(sock)) as transport:
                transport.banner_timeout = transport.handshake_timeout = self._job.stall_s
                transport.auth_timeout = transport.channel_timeout = self._job.stall_s
                hosts = _Hosts(self._place, self._job)
                hosts.prefer(transport)
                transport.start_client(timeout=self._job.stall_s)
                hosts.check(transport.get_remote_server_key())
                transport.auth_password(self._place.user, self._place.password)
                client = paramiko.SFTPClient.from_transport(transport, window_size=1 << 20, max_packet_size=32 << 10)
                if client is None:
                    raise Failed(SERVER_ERROR, "the server opens no SFTP channel")
                with client:
                    yield client
        except (paramiko.AuthenticationException, paramiko.BadAuthenticationType):
            raise Failed(DENIED, f"{self._place.host} does not take this user and password") from None
        except paramiko.ChannelException:
            raise Failed(SERVER_ERROR, "the server opens no SFTP channel") from None
        except (paramiko.SSHException, EOFError) as error:
            code = CUT if self._telling.bytes else UNREACHABLE
            raise Failed(code, f"the connection broke ({type(error).__name__})") from None
        except OSError as error:
            reasons = {errno.ENOENT: NOT_FOUND, errno.EACCES: DENIED, errno.EPERM: DENIED}
            reason = error.strerror or "".join(char for char in str(error) if char.isprintable())[:100]
            raise Failed(reasons.get(error.errno or 0, CUT), f"{self._place.host}: {reason}") from None
        finally:
            sock.close()


class _Hosts:
    """The keys that `place` may show."""

    def __init__(self, place: Place, job: Job) -> None:
        self._name = place.host if place.port == 22 else f"[{place.host}]:{place.port}"
        self._kept = Path(job.kept_hosts) if job.kept_hosts and not job.known_hosts else None
        self._keys = paramiko.HostKeys()
        path = Path(job.known_hosts or job.kept_hosts) if job.known_hosts or job.kept_hosts else None
        if path is None or (self._kept is not None and not path.exists()):
            return
        try:
            self._keys.load(str(path))
        except OSError as error:
            raise Failed(LOCAL, f"{path.name} with host keys cannot be read: {error.strerror}") from None

    def prefer(self, transport: paramiko.Transport) -> None:
        """Ask for a key of a kind that is known of this server, if there is one."""
        known = self._keys.lookup(self._name)
        if known is None:
            return
        kinds = {kind for key in known for kind in _KINDS.get(key, (key,))}
        options = transport.get_security_options()
        wanted = [kind for kind in options.key_types if kind in kinds]
        if wanted:
            options.key_types = wanted

    def check(self, key: paramiko.PKey) -> None:
        """Raises Failed."""
        known = self._keys.lookup(self._name)
        if known is None and self._kept is not None:
            self._keep(key)
            return
        if known is None:
            raise Failed(BAD_HOST_KEY, f"no host key of {self._name} is known")
        if not self._keys.check(self._name, key):
            raise Failed(BAD_HOST_KEY, f"{self._name} shows another host key than the one that is known of it")

    def _keep(self, key: paramiko.PKey) -> None:
        assert self._kept is not None
        try:
            before = self._kept.read_bytes()[-MOST_HOSTS_BYTES:] if self._kept.exists() else b""
            write(self._kept, before + f"{self._name} {key.get_name()} {key.get_base64()}\n".encode())
        except OSError as error:
            raise Failed(LOCAL, f"the host key cannot be kept: {error.strerror}") from None


_KINDS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}
