"""What a package says of itself while the rest of it is still on its way: `python -m fota.early FILE`.

Prelude, signature, the signed lengths against their bounds, header, and whether it is for this station: a wrong one is
not fetched to its end. The verdict is that of `fota.verify`, with code `more` while the header is not here yet.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from fota import container, trust
from fota.container import PRELUDE_BYTES, Refused
from fota.verify import Verdict, add_layout, check
from fota.want import Want, want_of

MORE = "more"


def look(path: Path, keys: trust.Trust, want: Want) -> Verdict:
    """The verdict so far."""
    with path.open("rb") as file:
        first = file.read(PRELUDE_BYTES)
        if len(first) < PRELUDE_BYTES and first[: len(container.MAGIC)] == container.MAGIC[: len(first)]:
            return Verdict(ok=False, code=MORE)
        prelude = container.read_prelude(first)
        signer = trust.check_signature(prelude, keys, want.now)
        container.check_lengths(prelude, prelude.total_bytes)
        content = file.read(prelude.header_bytes)
    if len(content) < prelude.header_bytes:
        return Verdict(ok=False, code=MORE)
    header = container.read_header(content, prelude)
    trust.check_role(header, signer, keys)
    verdict = Verdict(
        ok=True,
        code="ok",
        header=header,
        size_bytes=prelude.total_bytes,
        sha256=header.sha256,
        key_id=signer.id,
    )
    try:
        may_go_back = check(header, keys, want)
    except Refused as refused:
        return msgspec.structs.replace(verdict, ok=False, code=refused.code, text=refused.text)
    return msgspec.structs.replace(verdict, may_go_back=may_go_back)


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 when nothing speaks against it so far."""
    parser = argparse.ArgumentParser(prog="python -m fota.early", description="Check the head of an update package.")
    add_layout(parser)
    given = parser.parse_args(arguments)
    try:
        keys = trust.load(given.keys, given.slots)
        want = want_of(given.slots, given.factory, serial=given.serial, earliest=given.earliest)
        verdict = look(given.file, keys, want)
    except Refused as refused:
        verdict = Verdict(ok=False, code=refused.code, text=refused.text)
    except OSError as error:
        verdict = Verdict(ok=False, code="failed", text=f"The file cannot be read: {error.strerror}.")
    sys.stdout.write(msgspec.json.encode(verdict).decode() + "\n")
    return 0 if verdict.ok else 1


if __name__ == "__main__":
    sys.exit(main())
