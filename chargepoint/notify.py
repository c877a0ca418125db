"""Words to systemd over $NOTIFY_SOCKET (sd_notify(3)): READY=1, WATCHDOG=1, STOPPING=1, STATUS=..."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


class ServiceNotifier:
    """Says nothing when nobody listens. `watchdog_s`: how often WATCHDOG=1 is due (half of what is allowed), or 0.

    The address is taken out of the environment: no service, and nothing that one starts, is to speak for the station.
    """

    def __init__(self) -> None:
        self._address = os.environ.pop("NOTIFY_SOCKET", "")
        try:
            allowed_us = int(os.environ.get("WATCHDOG_USEC", "0"))
        except ValueError:
            allowed_us = 0
        is_ours = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog_s = allowed_us / 2e6 if is_ours and self._address else 0.0
        self._is_started_again = "CHARGEPOINT_TREE" in os.environ

    def say_stopping(self, status: str) -> None:
        """This program ends. Of the unit that is true only without start.sh, which begins the next run; systemd would
        kill that one after TimeoutStopSec= (sd_notify(3), STOPPING=1)."""
        self.say(*([] if self._is_started_again else ["STOPPING=1"]), f"STATUS={status}")

    def say(self, *lines: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendto("\n".join(lines).encode(), address)
