"""Fields and files of a form that is sent as multipart/form-data (RFC 7578). Pure; the body is bounded by the door."""

from __future__ import annotations

import re

MOST_PARTS = 100
_NAME = re.compile(rb'(?:^|[;\s])name="([^"\r\n]{1,100})"', re.IGNORECASE)


def fields(body: bytes, content_type: str) -> list[tuple[str, str]]:
    """(name, content) of each part, as UTF-8 text; files are text here, too. Raises ValueError for what is none."""
    match = re.search(r'boundary="?([A-Za-z0-9\'()+_,./:=?-]{1,70})"?', content_type)
    if match is None:
        raise ValueError("the boundary is missing")
    mark = b"--" + match[1].encode("ascii")
    parts = body.split(mark)
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        raise ValueError("it does not end")
    if len(parts) - 2 > MOST_PARTS:
        raise ValueError("there are too many parts")
    found: list[tuple[str, str]] = []
    for part in parts[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = next(
            (
                _NAME.search(line)
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-disposition: form-data")
            ),
            None,
        )
        if name is None or len(head) > 2000:
            raise ValueError("a part has no name")
        found.append((name[1].decode("utf-8"), content.removesuffix(b"\r\n").decode("utf-8")))
    return found
