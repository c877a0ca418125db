"""Putting a package together: content and header in, a file out. Where packages are made, never on a station."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from drivers.native.boot_loader import read_image
from fota.container import (
    CHUNK_BYTES,
    DOMAIN,
    LARGEST_HEADER,
    PRELUDE_BYTES,
    Content,
    Header,
    Target,
    contradiction,
    header_bytes,
    key_id,
    payload_size,
    unsigned_prelude,
)
from fota.sealing import Sealer, new_content_key, wrap


class CannotMake(Exception):
    """A package that no station would take, or that cannot be written; the text says why and what to do."""


def content_of(path: Path, name: str, unpacked_size: int) -> Content:
    """What the header says of a file. Raises OSError."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return Content(name=name, size=path.stat().st_size, sha256=digest.hexdigest(), unpacked_size=unpacked_size)


def image_target(content: bytes, told: dict[str, Any]) -> tuple[Target, str]:
    """What a package says of a controller's image, and what the image's own head says, for people: both have to agree.

    `told` are the fields of a `[[target]]`. The head is read as station and boot loader read it; the only driver that
    writes firmware is that of the open protocol. Raises CannotMake, msgspec.ValidationError.
    """
    sums = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    target = msgspec.convert(told | sums, Target)
    try:
        image = read_image(target.type, content)
    except ValueError as error:
        raise CannotMake(
            f"{target.image}: {error}. No controller would take it (docs/updates.md, Controllers)."
        ) from None
    if image.version != target.version:
        raise CannotMake(
            f"{target.image} is version {image.version!r} by its head, {target.version!r} by the information file: "
            "the station compares both and would refuse it."
        )
    model = f" for {image.model}" * bool(image.model)
    return (
        target,
        f"{target.image}: {target.type} {image.version}{model}, hardware {image.hardware:08X}, {len(content)} bytes",
    )


def package_name(header: Header) -> str:
    """App.NAME.a.b.c.d.cpk; for other kinds than the application the kind comes before the version."""
    kind = "" if header.kind == "application" else f".{header.kind}"
    return f"App.{header.product}{kind}.{header.version}.cpk"


def make(
    target: Path, header: Header, content: Path | None, signer: Ed25519PrivateKey, product_keys: tuple[bytes, ...] = ()
) -> Header:
    """Write the package; returns the header as it stands in it (with encryption and chunks). Whole or not at all.

    Raises CannotMake, OSError, msgspec.ValidationError (a field is out of its bounds).
    """
    new = target.with_name(target.name + ".new")
    payload_path = target.with_name(target.name + ".payload")
    try:
        with payload_path.open("wb") as payload:
            payload_sum = hashlib.sha512()
            sums = []
            if content is not None:
                content_key = new_content_key()
                header = msgspec.structs.replace(header, encryption=wrap(content_key, product_keys))
                sealer = Sealer(header, content_key)
                with content.open("rb") as file:
                    index = 0
                    while chunk := file.read(CHUNK_BYTES):
                        sealed = sealer.close_chunk(index, chunk)
                        index += 1
                        sums.append(hashlib.sha256(sealed).hexdigest())
                        payload_sum.update(sealed)
                        payload.write(sealed)
        header = msgspec.convert(msgspec.to_builtins(msgspec.structs.replace(header, chunks=tuple(sums))), Header)
        size = payload_size(header.content.size) if header.content else 0
        problem = contradiction(header, size)
        if problem:
            raise CannotMake(problem)
        told = header_bytes(header)
        if len(told) > LARGEST_HEADER:
            raise CannotMake(f"The header has {len(told)} bytes, more than {LARGEST_HEADER}: shorten the notes.")
        signer_id = key_id(signer.public_key().public_bytes_raw())
        prelude = unsigned_prelude(told, size, payload_sum.digest(), signer_id)
        with new.open("wb") as file, payload_path.open("rb") as payload:
            file.write(prelude + signer.sign(DOMAIN + prelude) + told)
            while chunk := payload.read(CHUNK_BYTES):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
            if file.tell() != PRELUDE_BYTES + len(told) + size:
                raise CannotMake("The content changed while it was packed; make it again.")
        new.replace(target)
    finally:
        payload_path.unlink(missing_ok=True)
        new.unlink(missing_ok=True)
    return header
