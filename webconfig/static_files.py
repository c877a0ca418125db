"""The few files that are the same for everybody: style, script, icons. Read once; found by name, never by a path."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from webconfig.http.messages import Request, Response

FOLDER = Path(__file__).parent / "static"
TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


@cache
def _files() -> dict[str, tuple[bytes, str, str]]:
    found: dict[str, tuple[bytes, str, str]] = {}
    for path in sorted(FOLDER.iterdir()):
        if path.suffix in TYPES:
            content = path.read_bytes()
            found[path.name] = (content, TYPES[path.suffix], hashlib.sha256(content).hexdigest()[:16])
    return found


def static_file(request: Request, headers: dict[str, str]) -> Response | None:
    """The answer to /static/NAME, None when there is no such file."""
    found = _files().get(request.path.removeprefix("/static/"))
    if found is None:
        return None
    content, kind, tag = found
    headers = {**headers, "Cache-Control": "max-age=3600, must-revalidate", "ETag": f'"{tag}"'}
    if request.headers.get("If-None-Match") == f'"{tag}"':
        return Response(status=304, headers=headers)
    response = Response(body=content, content_type=kind, headers=headers)
    response.enable_compression()
    return response
