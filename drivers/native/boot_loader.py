"""Images of controller firmware, and the words of the boot loader: what both sides of the wire know. Pure.

An image file is a head of 64 bytes, big-endian, and the body behind it. The whole file travels, head included:

| Bytes | What |
|---|---|
| 0..7 | `CPFIRM01` |
| 8..9 | kind: 1 MAIN, 2 MODULES |
| 10..11 | size of the head: 64 |
| 12..15 | hardware that it is made for |
| 16..19 | size of the body |
| 20..23 | CRC-32 of the body |
| 24..39 | firmware version, ASCII, padded with NUL |
| 40..59 | model, ASCII, padded with NUL |
| 60..63 | CRC-32 of bytes 0..59 |
"""

from __future__ import annotations

import hashlib
import struct
import zlib

from drivers.interfaces import MOST_FIRMWARE, FirmwareImage
from drivers.native.codes import BootResult, BootState, ImageKind
from drivers.native.objects import BOOT_BLOCK
from drivers.native.registers import Value

MAGIC = b"CPFIRM01"
_HEAD = struct.Struct(">8sHHIII16s20s")
HEAD_BYTES = _HEAD.size + 4
LEAST_BLOCK, MOST_BLOCK = 128, BOOT_BLOCK.objects[-1].characters

STATE_TEXTS = {
    BootState.APPLICATION: "the application runs; the boot loader takes nothing",
    BootState.READY: "the boot loader runs and waits for BEGIN",
    BootState.RECEIVING: "blocks of an image are taken",
    BootState.CHECKING: "the whole image is being checked",
    BootState.PROGRAMMED: "the image is whole and good; ACTIVATE starts it",
    BootState.FAILED: "the image is not good; only BEGIN and ABORT are taken",
}
RESULT_TEXTS = {
    BootResult.NONE: "nothing was written since the start",
    BootResult.OK: "carried out",
    BootResult.BUSY: "taken, and still being carried out: read again",
    BootResult.WRONG_STATE: "not possible in the present state",
    BootResult.WRONG_HARDWARE: "the image is made for other hardware",
    BootResult.TOO_LARGE: "the image is larger than its memory",
    BootResult.BLOCK_CRC: "the check sum of the block is wrong",
    BootResult.UNEXPECTED_BLOCK: "the block is neither the one it expects nor the one before",
    BootResult.WRITE_FAILED: "its memory could not be written",
    BootResult.IMAGE_CRC: "the check sum of the whole image is wrong",
    BootResult.BAD_IMAGE: "it takes no such image",
    BootResult.MODULES_SILENT: "the module controller does not answer it",
}


def make_image(kind: str, hardware: int, version: str, model: str, body: bytes) -> bytes:
    """An image file. Raises ValueError for texts that are too long or not ASCII."""
    texts = []
    for name, text, most in (("version", version, 16), ("model", model, 20)):
        if len(text) > most or not text.isascii() or not text.isprintable():
            raise ValueError(f"{name} {text!r}: at most {most} printable ASCII characters")
        texts.append(text.encode("ascii"))
    crc = zlib.crc32(body)
    head = _HEAD.pack(MAGIC, ImageKind[kind], HEAD_BYTES, hardware, len(body), crc, *texts)
    return head + zlib.crc32(head).to_bytes(4, "big") + body


def read_image(kind: str, data: bytes) -> FirmwareImage:
    """What an image file says it is. Raises ValueError, with what is wrong, for one that is not whole or of another
    kind."""
    if len(data) > MOST_FIRMWARE:
        raise ValueError(f"it has {len(data)} bytes; at most {MOST_FIRMWARE} are taken")
    if len(data) <= HEAD_BYTES or not data.startswith(MAGIC):
        raise ValueError("it is no firmware image of a controller (it does not begin with the head of one)")
    _, number, head_bytes, hardware, size, crc, version, model = _HEAD.unpack_from(data)
    if zlib.crc32(data[: _HEAD.size]) != int.from_bytes(data[_HEAD.size : HEAD_BYTES], "big"):
        raise ValueError("its head is damaged (check sum)")
    if head_bytes != HEAD_BYTES:
        raise ValueError(f"its head has {head_bytes} bytes where {HEAD_BYTES} belong: it is of a later format")
    if size != len(data) - HEAD_BYTES:
        raise ValueError(f"its head says {size} bytes, and {len(data) - HEAD_BYTES} follow")
    if zlib.crc32(data[HEAD_BYTES:]) != crc:
        raise ValueError("it is damaged (check sum of the body)")
    if number != ImageKind[kind]:
        known = {int(each): each.name for each in ImageKind}
        raise ValueError(f"it is an image {known.get(number, number)}, not {kind}")
    try:
        texts = [text.rstrip(b"\0").decode("ascii") for text in (version, model)]
    except UnicodeDecodeError:
        raise ValueError("version or model in its head is not ASCII") from None
    return FirmwareImage(kind=kind, data=data, version=texts[0], model=texts[1], hardware=hardware)


def announcement(image: FirmwareImage) -> dict[str, Value]:
    """What is written about an image before its blocks, but the command."""
    return {
        "image_kind": int(ImageKind[image.kind]),
        "image_size": len(image.data),
        "image_crc": zlib.crc32(image.data),
        "image_hardware": image.hardware,
        "image_version": image.version,
        "image_sha256": hashlib.sha256(image.data).digest(),
    }


def block_values(image: FirmwareImage, number: int, size: int) -> dict[str, Value]:
    """The image block `number` where each has `size` bytes."""
    data = image.data[number * size : (number + 1) * size]
    return {
        "block_number": number,
        "block_length": len(data),
        "block_crc": zlib.crc32(data),
        "block_data": data,
    }
