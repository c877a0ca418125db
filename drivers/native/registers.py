"""Values <-> registers of the blocks of the object dictionary, for both sides of the wire.

Numbers are integers in the object's own unit, text is str, bytes come in full length, and None stands for "has no such
value" (the object's `missing` mark on the wire).
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Mapping, Sequence

from drivers.native.objects import BLOCKS, Block, Object, Type

Value = int | str | bytes | None

RANGES = {
    Type.U16: (0, 0xFFFF),
    Type.I16: (-0x8000, 0x7FFF),
    Type.U32: (0, 0xFFFF_FFFF),
    Type.I32: (-0x8000_0000, 0x7FFF_FFFF),
}
_FORMATS = {Type.U16: "H", Type.I16: "h", Type.U32: "I", Type.I32: "i"}


def decode_block(block: Block, registers: Sequence[int]) -> dict[str, Value]:
    """Name -> value of all objects of `block`.

    Raises ValueError when the number of registers is wrong or a text is not printable ASCII.
    """
    return decode_objects(block.objects, registers)


def decode_objects(objects: Sequence[Object], registers: Sequence[int]) -> dict[str, Value]:
    """As `decode_block`, for objects that follow each other."""
    layout = _layout(tuple(objects))
    if len(registers) * 2 != layout.size:
        raise ValueError(f"{len(registers)} registers where {layout.size // 2} belong")
    fields = layout.unpack(struct.pack(f">{len(registers)}H", *registers))
    return {each.name: _value(each, field) for each, field in zip(objects, fields, strict=True)}


def encode_block(block: Block, values: Mapping[str, Value]) -> list[int]:
    """The registers of all objects of `block`; a name left out is its `missing` mark, 0 or empty text.

    Raises ValueError for a value outside its type, for None where the object has no mark, for text that is too long
    or not ASCII, and KeyError for a name the block does not have.
    """
    return encode_objects(block.objects, values)


def encode_objects(objects: Sequence[Object], values: Mapping[str, Value]) -> list[int]:
    """As `encode_block`, for objects that follow each other."""
    unknown = values.keys() - {each.name for each in objects}
    if unknown:
        raise KeyError(", ".join(sorted(unknown)))
    layout = _layout(tuple(objects))
    fields = [field_of(each, values[each.name]) if each.name in values else _default(each) for each in objects]
    return list(struct.unpack(f">{layout.size // 2}H", layout.pack(*fields)))


def objects_at(start: int, count: int) -> tuple[Object, ...]:
    """The objects that lie exactly in `count` registers from `start`, possibly of one block only.

    Raises KeyError when there are none, or one would be cut in two.
    """
    for block in BLOCKS:
        if block.start <= start and start + count <= block.start + block.registers:
            found = tuple(each for each in block.objects if start <= each.index < start + count)
            if found and found[0].index == start and found[-1].index + found[-1].registers == start + count:
                return found
    raise KeyError(f"0x{start:04X}+{count}")


def block_at(start: int, count: int) -> Block:
    """The block that holds all of `count` registers from `start`. Raises KeyError when none does."""
    for block in BLOCKS:
        if block.start <= start and start + count <= block.start + block.registers:
            return block
    raise KeyError(f"0x{start:04X}+{count}")


@functools.cache
def _layout(objects: tuple[Object, ...]) -> struct.Struct:
    return struct.Struct(">" + "".join(_FORMATS.get(each.type) or f"{2 * each.registers}s" for each in objects))


def _value(what: Object, field: int | bytes) -> Value:
    if isinstance(field, bytes):
        if what.type is Type.BYTES:
            return field
        text = field.rstrip(b"\0")
        if not all(0x20 <= byte < 0x7F for byte in text):
            raise ValueError(f"{what.name}: {text!r} is not printable ASCII")
        return text.decode("ascii")
    return None if field == what.missing else field


def field_of(what: Object, value: Value) -> int | bytes:
    """What of a value goes onto the wire: a number, or bytes. Raises ValueError for one outside its type."""
    if what.type is Type.TEXT:
        if not isinstance(value, str) or len(value) > what.characters or not value.isascii():
            raise ValueError(f"{what.name}: {value!r} is not ASCII text of at most {what.characters} characters")
        return value.encode("ascii")
    if what.type is Type.BYTES:
        if not isinstance(value, bytes) or len(value) > what.characters:
            raise ValueError(f"{what.name}: not bytes, at most {what.characters}")
        return value
    if value is None:
        if what.missing is None:
            raise ValueError(f"{what.name}: always has a value")
        return what.missing
    low, high = RANGES[what.type]
    if not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{what.name}: {value!r} is not {low}..{high}")
    return int(value)


def _default(what: Object) -> int | bytes:
    if what.type in (Type.TEXT, Type.BYTES):
        return b""
    return 0 if what.missing is None else what.missing
