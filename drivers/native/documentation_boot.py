"""The part of the protocol's documentation for who writes the boot loader of a controller."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TypeVar

from drivers.native.boot_loader import HEAD_BYTES, LEAST_BLOCK, MAGIC, MOST_BLOCK
from drivers.native.documentation_table import table
from drivers.native.documentation_words import BOOT_COMMAND_TEXTS, BOOT_RESULT_TEXTS, BOOT_STATE_TEXTS
from drivers.native.firmware_transfer import (
    ANSWERS_WITHIN_S,
    BLOCK_EACH_S,
    CHECKS_WITHIN_S,
    DECIDES_WITHIN_S,
    ENTERS_WITHIN_S,
    ERASES_WITHIN_S,
    STARTS_WITHIN_S,
    TRIES,
    WRITES_WITHIN_S,
)

E = TypeVar("E", bound=enum.IntEnum)

PROCEDURE = f"""\
## Boot loader

Capability BOOT_LOADER. The application and the boot loader share address (node id), rate and carrier. In the boot
loader only identity, status, order and the three blocks of the boot loader are there; everything else is answered with
exception 02 (SDO: abort 0x06020000). `firmware_version` and `module_controller_version` are empty, `controller_status`
is F, all flags are 0, `boot_count` counts on. **The contactor is open, the lock released, and no permission is taken:**
START is answered with REFUSED_STATE, a renewal has no effect. On CANopen it stays pre-operational, whatever NMT says,
sends its heartbeat, and no PDO.

### The way of an image

1. The station reads the block "boot loader" in the application, and goes no further when `boot_hardware` (for MODULES
   `boot_modules_hardware`) is not the image's, or the image is larger than `boot_image_most`.
2. Order ENTER_BOOT_LOADER. It is refused (REFUSED_STATE) unless the status is A. Accepted, the controller answers, then
   restarts into its boot loader: READY within {ENTERS_WITHIN_S:.0f} s.
3. The block "image to write" is written as a whole with the command BEGIN. The boot loader checks kind, hardware and
   size before it erases anything. It shows BUSY while it erases (at most {ERASES_WITHIN_S:.0f} s), then RECEIVING with
   `boot_next_block` 0. BEGIN again is carried out again: everything begins anew.
4. Blocks are written from 0 on, each as a whole "image block": {LEAST_BLOCK}..{MOST_BLOCK} bytes, as
   `boot_block_size` says; the last has what is left. On Modbus that is one request of 116 registers, filled up with 0;
   on CANopen number, length and check sum are written first, `block_data` last. After each the station reads the
   block "boot loader".
   - A block counts only when its CRC-32 is right and its number is `boot_next_block`; then that grows by one. BUSY is
     shown until it is in memory, at most {WRITES_WITHIN_S:.0f} s; a block written meanwhile is not taken.
   - The block before, with the same bytes, is answered OK and changes nothing: its answer was lost.
   - Any other number: UNEXPECTED_BLOCK, nothing changes. The station goes on with `boot_next_block`.
   - The station writes a block at most {TRIES} times, then gives the attempt up and begins anew with BEGIN.
5. CHECK, when all blocks are there: CHECKING, then PROGRAMMED, or FAILED with IMAGE_CRC or BAD_IMAGE, within
   {CHECKS_WITHIN_S:.0f} s. What is checked: size, CRC-32, SHA-256 where it can, the head of the image, and whatever
   signature the maker put into it.
6. ACTIVATE: answered, then the image becomes the firmware that starts, by one write of a mark that is whole or not
   there. `boot_state` is APPLICATION within {STARTS_WITHIN_S:.0f} s. The station compares `firmware_version` with
   `image_version`.

### What must hold at every instant

- A restart, by whatever cause, forgets what was received: the state is READY where no whole firmware is there,
  APPLICATION where there is one (two banks, an image MODULES, nothing erased yet). An image that was not checked and
  activated never starts.
- A controller with one bank and no whole firmware stays in its boot loader for ever, and can be updated from the
  beginning. The boot loader itself is never written this way.
- ABORT: back to the application within {DECIDES_WITHIN_S:g} s where a whole one is there, else READY.
- The state of a boot loader that is asked nothing does not change: the station may come back after days. It waits
  {ANSWERS_WITHIN_S:.0f} s for an answer at the begin of each attempt.
- CRC-32 is that of Ethernet and zip: polynomial 0x04C11DB7 reflected, begin and end 0xFFFFFFFF; of "123456789" it is
  0xCBF43926.
- MODULES: the controller hands the image on to the module controller behind it, and says BUSY meanwhile. All of the
  above holds for it, too: status F, open, no permission, until ACTIVATE or ABORT has been carried out.

### Image file

A head of {HEAD_BYTES} bytes, big-endian, and the body. The whole file travels, head included: block 0 begins with it.

"""

HEAD = (
    ("0", "8", f"`{MAGIC.decode()}`"),
    ("8", "2", "kind: 1 MAIN, 2 MODULES"),
    ("10", "2", f"size of the head: {HEAD_BYTES}"),
    ("12", "4", "hardware that it is made for; not 0"),
    ("16", "4", "size of the body"),
    ("20", "4", "CRC-32 of the body"),
    ("24", "16", "firmware version, ASCII, padded with NUL: what `firmware_version` says when it runs"),
    ("40", "20", "model, ASCII, padded with NUL; for people"),
    ("60", "4", "CRC-32 of bytes 0..59"),
)

SPEED = """\
### How long it takes

Bytes of the image per second, as the wire allows: a controller that answers after 1 ms (CAN: 0.1 ms) and has a block
in its memory after 4 ms. The station sends a block each {each:.0f} ms at most.

{rates}
A block and its answer take {fast:.0f} ms of a serial line at 115200 baud, {slow:.0f} ms at 9600. The renewal of another
controller's lease waits for that at most: orders and polls pass all blocks that wait.
"""

BLOCK_REQUEST, BLOCK_ANSWER, LOOK_REQUEST, LOOK_ANSWER = 9 + 2 * 116, 8, 8, 5 + 2 * 10
"""Bytes on a serial line for one block, and for the look behind it."""
ANSWER_S, MEMORY_S = 0.001, 0.004
SDO_FRAMES = 2 * (1 + 32) + 2 * 3 + 2 * 7
"""CAN frames for one block: its data in segments of 7 bytes, the three objects before them, the seven of the look."""
CAN_FRAME_BITS = 130


def serial_rate(baud: int) -> float:
    """Bytes of an image per second on a serial line, 10 bits a character, 3.5 characters of silence, at least 1.75
    ms."""
    character_s = 10 / baud
    silence_s = max(3.5 * character_s, 0.00175)
    on_wire_s = (BLOCK_REQUEST + BLOCK_ANSWER + LOOK_REQUEST + LOOK_ANSWER) * character_s
    return MOST_BLOCK / (on_wire_s + 4 * silence_s + 2 * ANSWER_S + MEMORY_S)


def _block_ms(baud: int) -> float:
    return (BLOCK_REQUEST + BLOCK_ANSWER) * 10_000 / baud


def can_rate(bit_rate: int) -> float:
    """Bytes of an image per second on CAN, each frame followed by a tenth of a millisecond."""
    block_s = SDO_FRAMES * (CAN_FRAME_BITS / bit_rate + ANSWER_S / 10) + MEMORY_S
    return MOST_BLOCK / max(block_s, BLOCK_EACH_S)


def boot_loader_page() -> str:
    """The section, for modbus.md."""
    rates = table(
        ("Carrier", "Bytes per second", "256 KiB take"),
        (
            (name, f"{rate:,.0f}", f"{(256 << 10) / rate:.0f} s")
            for name, rate in (
                ("Modbus RTU, 9600 baud", serial_rate(9600)),
                ("Modbus RTU, 19200 baud", serial_rate(19_200)),
                ("Modbus RTU, 115200 baud", serial_rate(115_200)),
                ("CAN, 125 kbit/s", can_rate(125_000)),
                ("CAN, 250 kbit/s", can_rate(250_000)),
                ("CAN, 1 Mbit/s", can_rate(1_000_000)),
            )
        ),
    )
    return "\n".join(
        (
            PROCEDURE + table(("Byte", "Bytes", "What"), HEAD),
            _words("States of the boot loader", "`boot_state`", BOOT_STATE_TEXTS),
            _words("Results of the boot loader", "`boot_result`", BOOT_RESULT_TEXTS),
            _words("Commands of the boot loader", "`boot_command`", BOOT_COMMAND_TEXTS),
            SPEED.format(rates=rates, each=BLOCK_EACH_S * 1000, fast=_block_ms(115_200), slow=_block_ms(9600)),
        )
    )


def _words(title: str, name: str, texts: Mapping[E, str]) -> str:
    rows = ((str(int(number)), number.name, text) for number, text in texts.items())
    return f"### {title}: {name}\n\n" + table(("Value", "Word", "Meaning"), rows)
