"""timedate1, timesync1, login1 and a modem on a D-Bus of our own, in the place of those of the machine: they keep what
they were asked for."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import Any, Self

from jeepney import DBusAddress, HeaderFields, MessageType, new_error, new_method_call, new_method_return
from jeepney.io.asyncio import open_dbus_connection

TIMEDATE, TIMESYNC, LOGIN = "org.freedesktop.timedate1", "org.freedesktop.timesync1", "org.freedesktop.login1"
MM = "org.freedesktop.ModemManager1"
PROPERTIES = "org.freedesktop.DBus.Properties"

MODEM = "/org/freedesktop/ModemManager1/Modem/0"


class StandIn:
    """`asked`: (method, arguments) of what was called, in order. A method in `refused` is refused."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Any, ...]]] = []
        self.refused: set[str] = set()
        self.properties: dict[str, dict[str, tuple[str, Any]]] = {
            TIMEDATE: {
                "Timezone": ("s", "Asia/Almaty"),
                "NTP": ("b", True),
                "NTPSynchronized": ("b", True),
                "RTCTimeUSec": ("t", 1_800_000_000_000_000),
                "TimeUSec": ("t", 1_800_000_001_000_000),
            },
            f"{TIMESYNC}.Manager": {
                "LinkNTPServers": ("as", []),
                "SystemNTPServers": ("as", ["ntp.example", "192.0.2.3"]),
                "ServerName": ("s", "ntp.example"),
                "ServerAddress": ("(iay)", (2, bytes([192, 0, 2, 3]))),
                # leap, version, mode, stratum, precision, delays, reference, four instants, spike, packets, jitter
                "NTPMessage": (
                    "(uuuuittayttttbtt)",
                    (0, 4, 4, 2, -20, 1, 1, b"GPS.", 1_000_000, 1_350_000, 1_351_000, 1_101_000, False, 7, 2_500),
                ),
            },
            f"{MM}.Sim": {"SimIdentifier": ("s", "8977012345678901234")},
            f"{MM}.Bearer": {"Properties": ("a{sv}", {"apn": ("s", "internet.example")})},
        }
        self.modems: dict[str, dict[str, dict[str, tuple[str, Any]]]] = {
            MODEM: {
                f"{MM}.Modem": {
                    "Manufacturer": ("s", "Maker"),
                    "Model": ("s", "LE-1"),
                    "State": ("i", 11),
                    "SignalQuality": ("(ub)", (61, True)),
                    "AccessTechnologies": ("u", 1 << 14),
                    "Sim": ("o", "/org/freedesktop/ModemManager1/SIM/0"),
                    "SimSlots": ("ao", ["/org/freedesktop/ModemManager1/SIM/0", "/"]),
                    "PrimarySimSlot": ("u", 1),
                    "UnlockRequired": ("u", 1),
                    "Bearers": ("ao", ["/org/freedesktop/ModemManager1/Bearer/0"]),
                },
                f"{MM}.Modem.Modem3gpp": {"OperatorName": ("s", "Operator"), "RegistrationState": ("u", 5)},
            }
        }

    async def __aenter__(self) -> Self:
        assert "DBUS_SYSTEM_BUS_ADDRESS" in os.environ
        self._connection = await open_dbus_connection("SYSTEM")
        bus = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
        for name in (TIMEDATE, TIMESYNC, LOGIN, MM):
            await self._connection.send(new_method_call(bus, "RequestName", "su", (name, 4)))
            while (await self._connection.receive()).header.message_type != MessageType.method_return:
                pass
        self._task = asyncio.create_task(self._serve(), name="stand-in of the machine")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self._connection.close()

    async def _serve(self) -> None:
        with suppress(EOFError):
            while True:
                message = await self._connection.receive()
                if message.header.message_type == MessageType.method_call:
                    await self._connection.send(self._answer(message))

    def _answer(self, message: Any) -> Any:
        fields = message.header.fields
        method, interface = fields[HeaderFields.member], fields.get(HeaderFields.interface, "")
        if interface == PROPERTIES:
            return new_method_return(message, "a{sv}", (self.properties.get(message.body[0], {}),))
        if method == "GetManagedObjects":
            return new_method_return(message, "a{oa{sa{sv}}}", (self.modems,))
        if method in self.refused:
            return new_error(message, "org.freedesktop.timedate1.AutomaticTimeSyncEnabled", "s", ("it is automatic",))
        self.asked.append((method, tuple(message.body)))
        return new_method_return(message)
