"""A small client of the system's D-Bus: calls and properties, bounded in time. jeepney is imported here, late.

The address is that of the system bus (DBUS_SYSTEM_BUS_ADDRESS, else /run/dbus/system_bus_socket).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

CALL_WITHIN_S = 8.0
OPEN_WITHIN_S = 3.0

Values = Mapping[str, Any]
Variant = tuple[str, Any]
"""As D-Bus has it: signature and value."""


class NotThere(Exception):
    """D-Bus, or the service behind it, does not run here; the text says which, for people."""


class Refused(Exception):
    """The service said no. `name` is the D-Bus name of the error."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text or name)
        self.name = name


_ABSENT = frozenset(
    {
        "org.freedesktop.DBus.Error.ServiceUnknown",
        "org.freedesktop.DBus.Error.NameHasNoOwner",
        "org.freedesktop.DBus.Error.Spawn.ServiceNotFound",
        "org.freedesktop.systemd1.NoSuchUnit",
    }
)
_START_FAILED = "org.freedesktop.DBus.Error.Spawn."
_NO_SUCH_THING = frozenset(
    {
        "org.freedesktop.DBus.Error.UnknownInterface",
        "org.freedesktop.DBus.Error.UnknownProperty",
        "org.freedesktop.DBus.Error.UnknownMethod",
        "org.freedesktop.DBus.Error.UnknownObject",
        "org.freedesktop.DBus.Error.InvalidArgs",
    }
)


class SystemBus:
    """An open connection to the system's D-Bus."""

    def __init__(self, router: Any) -> None:
        self._router = router

    async def call(
        self, service: str, path: str, interface: str, method: str, signature: str = "", *body: Any
    ) -> tuple[Any, ...]:
        """Call a method; its answer. Raises NotThere, Refused."""
        from jeepney import DBusAddress, MessageType, new_method_call

        address = DBusAddress(path, bus_name=service, interface=interface)
        message = new_method_call(address, method, signature or None, body)
        try:
            async with asyncio.timeout(CALL_WITHIN_S):
                reply = await self._router.send_and_get_reply(message)
        except TimeoutError:
            raise NotThere(f"{service} does not answer within {CALL_WITHIN_S:g} s") from None
        except (OSError, EOFError) as error:
            raise NotThere(f"the connection to D-Bus broke: {error}") from None
        except Exception as error:  # RouterClosed and its like, whose module is not imported by name
            if type(error).__module__.startswith("jeepney"):
                raise NotThere(f"the connection to D-Bus broke: {error}") from None
            raise
        if reply.header.message_type == MessageType.error:
            name = reply.header.fields.get(4, "")  # 4: name of the error
            text = str(reply.body[0]) if reply.body else ""
            if name in _ABSENT or name.startswith(_START_FAILED):
                raise NotThere(f"{service} does not run here")
            raise Refused(name, text)
        return tuple(reply.body)

    async def properties(self, service: str, path: str, interface: str) -> dict[str, Any]:
        """All properties of an object's interface, without their signatures; empty when it has none. Raises NotThere,
        Refused."""
        try:
            (found,) = await self.call(service, path, "org.freedesktop.DBus.Properties", "GetAll", "s", interface)
        except Refused as error:
            if error.name in _NO_SUCH_THING:
                return {}
            raise
        return {name: value for name, (_, value) in found.items()}

    async def has_owner(self, service: str) -> bool:
        """Whether the service runs, without starting it."""
        (found,) = await self.call(
            "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner", "s", service
        )
        return bool(found)


@asynccontextmanager
async def system_bus() -> AsyncIterator[SystemBus]:
    """The system's D-Bus. Raises NotThere when there is none, or when jeepney is not installed."""
    try:
        from jeepney.io.asyncio import DBusRouter, open_dbus_connection
    except ImportError:
        raise NotThere("the Python package jeepney is not installed") from None
    try:
        async with asyncio.timeout(OPEN_WITHIN_S):
            connection = await open_dbus_connection("SYSTEM")
    except TimeoutError:
        raise NotThere(f"D-Bus does not answer within {OPEN_WITHIN_S:g} s") from None
    except (OSError, EOFError, ValueError, RuntimeError) as error:
        raise NotThere(f"D-Bus does not run here ({getattr(error, 'strerror', None) or error})") from None
    except Exception as error:
        if type(error).__module__.startswith("jeepney"):
            raise NotThere(f"D-Bus lets nobody in: {error}") from None
        raise
    try:
        async with DBusRouter(connection) as router:
            yield SystemBus(router)
    finally:
        await connection.close()


def plain(settings: Mapping[str, Mapping[str, Variant]]) -> dict[str, dict[str, Any]]:
    """A connection's settings (a{sa{sv}}) without signatures."""
    return {section: {key: value for key, (_, value) in pairs.items()} for section, pairs in settings.items()}
