"""Closing and opening the payload of a package: AES-256-GCM in chunks, the content key wrapped with product keys.

Encryption hides the content and proves nothing: who calls `open_chunk` has compared the chunk's hash with the signed
list before (`fota.verify`).
"""

from __future__ import annotations

import os
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from fota.container import CHUNK_BYTES, Encryption, Header, Refused, binding_core, chunk_binding, chunk_count

KEY_BYTES = 32


def new_content_key() -> bytes:
    """Made for one package and used for no other: its nonces are counters."""
    return os.urandom(KEY_BYTES)


def wrap(content_key: bytes, product_keys: tuple[bytes, ...]) -> Encryption:
    """The content key for those who have one of `product_keys` (32 bytes each). Source: RFC 3394."""
    return Encryption(wrapped=tuple(aes_key_wrap(key, content_key).hex() for key in product_keys))


def unwrap(encryption: Encryption, product_keys: tuple[bytes, ...]) -> bytes:
    """The content key. Raises Refused `no_product_key`."""
    for wrapped in encryption.wrapped:
        for key in product_keys:
            try:
                return aes_key_unwrap(key, bytes.fromhex(wrapped))
            except InvalidUnwrap:
                continue
    raise Refused("no_product_key", "This station's product key does not open it: it was made for other stations.")


class Sealer:
    """Chunks of one package, closed or opened. `header` is used without its list of chunks."""

    def __init__(self, header: Header, content_key: bytes) -> None:
        assert header.content is not None
        self._cipher = AESGCM(content_key)
        self._core = binding_core(header)
        self._count = chunk_count(header.content.size)

    def close_chunk(self, index: int, plain: bytes) -> bytes:
        """The chunk encrypted, its tag after it."""
        return self._cipher.encrypt(_nonce(index), plain, chunk_binding(self._core, index, self._count))

    def open_chunk(self, index: int, sealed: bytes) -> bytes:
        """The chunk decrypted. Raises Refused `damaged`."""
        try:
            return self._cipher.decrypt(_nonce(index), sealed, chunk_binding(self._core, index, self._count))
        except InvalidTag:
            raise Refused("damaged", f"Part {index + 1} was sealed for another package.") from None


def _nonce(index: int) -> bytes:
    return struct.pack(">8xI", index)


def pieces(content_size: int) -> list[int]:
    """Sizes of the chunks of the content."""
    whole, rest = divmod(content_size, CHUNK_BYTES)
    return [CHUNK_BYTES] * whole + [rest] * bool(rest)
