"""A card's number in the ways people write it. Pure."""

from __future__ import annotations


def ways(uid: str) -> list[tuple[str, str]]:
    """Names of the ways and the number in each; of what is no hexadecimal number only itself."""
    bare = uid.replace(":", "").replace(" ", "")
    try:
        number = bytes.fromhex(bare)
    except ValueError:
        return [("UID", uid)]
    turned = number[::-1]
    found = [
        ("UID", number.hex(" ").upper()),
        ("UID ←", turned.hex(" ").upper()),
        ("DEC", str(int.from_bytes(number, "big"))),
        ("DEC ←", str(int.from_bytes(turned, "big"))),
    ]
    if len(number) >= 3:
        last = number[-3:]
        found.append(("Wiegand 26", f"{last[0]:03d},{int.from_bytes(last[1:], 'big'):05d}"))
    return found
