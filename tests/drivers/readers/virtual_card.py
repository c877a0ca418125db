"""A card for the virtual PC/SC reader (vpcd): a TCP connection, a length of two bytes before each message. And a pcscd
of the test's own, with its own socket, folder of configuration and reader."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from tests.free_ports import free_port

PCSCD = "/usr/sbin/pcscd"
VPCD = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
OFF, ON, RESET, GET_ATR = 0, 1, 2, 4

AS_SYSTEMD = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Hands a socket to a program as systemd does."""
CLASSIC_1K = bytes.fromhex("3B8F8001804F0CA000000306030001000000006A")
DESFIRE = bytes.fromhex("3B8180018080")


def why_not() -> str:
    """What keeps these tests from running here; empty: nothing."""
    if os.geteuid() != 0:
        return "pcscd needs to be started as root"
    if not Path(PCSCD).exists():
        return "pcscd is not installed (Debian: pcscd)"
    if not VPCD.exists():
        return "the virtual reader is not installed (Debian: vsmartcard-vpcd)"
    try:
        import smartcard.scard  # noqa: F401
    except ImportError:
        return "pyscard is not installed (extra `readers`)"
    return ""


class Pcscd:
    """pcscd in the foreground, on a socket that we hand to it as systemd would."""

    def __init__(self, folder: Path, name: str) -> None:
        self.place = folder / "pcscd.comm"
        self.port = free_port(count=2)  # the virtual reader has two slots
        self._config = folder / "readers"
        self._config.mkdir()
        (self._config / "vpcd").write_text(
            f'FRIENDLYNAME "{name}"\nDEVICENAME /dev/null:0x{self.port:X}\nLIBPATH {VPCD}\nCHANNELID 0x{self.port:X}\n'
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with socket.socket(socket.AF_UNIX) as listener:
            self.place.unlink(missing_ok=True)
            listener.bind(str(self.place))
            listener.listen(16)
            arguments = [PCSCD, "--foreground", "--config", str(self._config)]
            self._process = subprocess.Popen(
                [sys.executable, "-c", AS_SYSTEMD, str(listener.fileno()), *arguments],
                pass_fds=[listener.fileno()],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    def kill(self) -> None:
        """At once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None
        self.place.unlink(missing_ok=True)

    def insert(self, uid: bytes, atr: bytes = CLASSIC_1K, slot: int = 0) -> VirtualCard:
        """A card laid on the reader. Raises OSError while pcscd does not listen."""
        return VirtualCard(socket.create_connection(("127.0.0.1", self.port + slot), 2.0), uid, atr)


class VirtualCard:
    """Answers pcscd until it is taken away. `asked` are the commands that came."""

    def __init__(self, connection: socket.socket, uid: bytes, atr: bytes) -> None:
        self.asked: list[bytes] = []
        self.uid = uid
        self._atr = atr
        self._connection = connection
        connection.settimeout(None)
        self._thread = threading.Thread(target=self._serve, name="virtual card", daemon=True)
        self._thread.start()

    def take_away(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(5.0)
        self._connection.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                message = self._get(int.from_bytes(self._get(2), "big"))
                answer = self._answer(message)
                if answer:
                    self._connection.sendall(len(answer).to_bytes(2, "big") + answer)

    def _answer(self, message: bytes) -> bytes:
        if len(message) == 1:
            return self._atr if message[0] == GET_ATR else b""
        self.asked.append(message)
        if message == bytes.fromhex("FFCA000000"):
            return self.uid + b"\x90\x00" if self.uid else b"\x6a\x81"
        return b"\x90\x00" if message[:2] == b"\xff\x00" else b"\x6d\x00"

    def _get(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self._connection.recv(size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data
