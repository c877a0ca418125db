"""What all Wiren Board devices tell of themselves over Modbus: signature, serial number, firmware.

Source: Wiren Board, common registers: signature input 200 (one character each; 6 registers, 20 in newer devices),
firmware 250, serial number 270 (32 bits).
"""

from __future__ import annotations

from drivers.codecs.modbus import read_input
from drivers.errors import Refused
from drivers.interfaces import Identity
from drivers.ports.port import Port

SIGNATURE, FIRMWARE, SERIAL = 200, 250, 270


async def identify(port: Port, address: int) -> Identity:
    """Raises NoAnswer, BadFrame, or Refused by a device that has no such registers."""
    try:
        signature = await port.exchange(read_input(address, SIGNATURE, 20))
    except Refused:
        signature = await port.exchange(read_input(address, SIGNATURE, 6))
    firmware = await port.exchange(read_input(address, FIRMWARE, 16))
    high, low = await port.exchange(read_input(address, SERIAL, 2))
    return Identity(
        vendor="Wiren Board",
        model=_text(signature),
        serial=str(high << 16 | low),
        firmware_version=_text(firmware),
    )


def _text(registers: tuple[int, ...]) -> str:
    data = bytes(register & 0xFF for register in registers)
    return data.split(b"\0")[0].decode("ascii", "replace").strip()
