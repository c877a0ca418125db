"""What the keys of a [[port]] section may hold, beyond their types. Pure: configuration is checked by it, too."""

from __future__ import annotations

from collections.abc import Collection

from drivers.codecs import slcan

SLCAN_OPTIONS = ("sleep_after_open", "ask_status", "tty_baudrate")


def socket_place(device: str) -> tuple[str, int]:
    """Host and port of socket://HOST:PORT. Raises ValueError."""
    host, _, port = device.removeprefix("socket://").rstrip("/").rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"device '{device}': must be socket://HOST:PORT")
    return host, int(port)


def check_slcan(device: str, options: Collection[str]) -> None:
    """Whether an slcan adapter can be opened at `device` with `options` (their names). Raises ValueError."""
    unknown = sorted(set(options) - set(SLCAN_OPTIONS))
    if unknown:
        raise ValueError(f"options {', '.join(unknown)}: slcan takes {', '.join(SLCAN_OPTIONS)}")
    if device.startswith("socket://"):
        socket_place(device)
    elif not device.rpartition("@")[2].isdigit() and "@" in device:
        raise ValueError(f"device '{device}': behind @ stands a baud rate, as @115200")


def slcan_bit_rates() -> tuple[int, ...]:
    """Bit rates that slcan adapters have."""
    return tuple(slcan.BIT_RATES)
