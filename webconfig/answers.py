"""What a handler gives back, as values; `door.py` turns them into HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import htpy
import msgspec

from webconfig.http.messages import StreamResponse


class Html(msgspec.Struct, frozen=True):
    """A page (`layout.page`) or a fragment of one."""

    content: htpy.Renderable
    status: int = 200


class Json(msgspec.Struct, frozen=True):
    """A struct of the API as JSON; `etag` is the version for If-Match."""

    content: Any
    status: int = 200
    etag: str = ""


class Redirect(msgspec.Struct, frozen=True):
    """Go to a path of this station (always by GET)."""

    path: str


class Download(msgspec.Struct, frozen=True):
    """A file, written while it is made. `name` is cleaned before it goes into a header.

    `is_shown`: the browser may show it in its place (a picture) instead of saving it.
    """

    name: str
    content_type: str
    chunks: AsyncIterator[bytes]
    is_shown: bool = False


class Live(msgspec.Struct, frozen=True):
    """A stream of server-sent events: (id or "", event name or "", data). Ends with its iterator or its visitor."""

    events: AsyncIterator[tuple[str, str, str]]


class Sent(msgspec.Struct, frozen=True):
    """The handler has answered by itself (a WebSocket); `response` is what it sent."""

    response: StreamResponse


Answer = Html | Json | Redirect | Download | Live | Sent


class Problem(Exception):
    """It cannot be done: `title` and `detail` for people, `code` for programs (problem+json, RFC 9457).

    `fields` names what is wrong with each field of a form or body, by its path.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.fields = dict(fields or {})
        self.headers = dict(headers or {})
