"""AuthorizationKey: hexadecimal digits on the wire and in files, bytes in the header of HTTP basic authentication.

Source: OCPP-J 1.6, section 6.2 (20 bytes as 40 digits); the errata and the security white paper (16 bytes at least).
"""

from __future__ import annotations

import re

LEAST_BYTES, MOST_BYTES = 16, 20
LEAST_TEXT, MOST_TEXT = 8, 40
"""Characters of a key that is taken as text, for central systems that send such."""

_HEX = re.compile(rf"(?:[0-9A-Fa-f]{{2}}){{{LEAST_BYTES},{MOST_BYTES}}}")
_TEXT = re.compile(r"[!-~](?:[ -~]*[!-~])?")


def read_key(value: str, takes_text: bool) -> bytes | None:
    """The key that a ChangeConfiguration carries, None when it cannot be one."""
    if _HEX.fullmatch(value):
        return bytes.fromhex(value)
    if takes_text and LEAST_TEXT <= len(value) <= MOST_TEXT and _TEXT.fullmatch(value):
        return value.encode("ascii")
    return None


def key_of_file(value: str) -> bytes:
    """The key of secrets.toml: digits as of a key, anything else as it stands."""
    return bytes.fromhex(value) if _HEX.fullmatch(value) else value.encode()
