"""What a route is: closed unless it names the right it takes. The table of all of them: `table.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from chargepoint.rights import Right

if TYPE_CHECKING:
    from webconfig.answers import Answer
    from webconfig.ask import Ask

Handler = Callable[["Ask"], Awaitable["Answer"]]
Values = Mapping[str, str]
"""What is live on a page: `KEY` -> text of the elements with data-live=KEY; `KEY@attribute` -> that attribute of
theirs; `KEY@html` -> what is in them (made by htpy, hence escaped)."""
LiveValues = Callable[["Ask"], Awaitable[Values]]

OPEN = None
"""Instead of a right: for everybody. A test names the few routes that are."""

FORM_BYTES = 64 << 10


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `path` is that of `http/paths.py` (`/connectors/{n}`; digits only: `{n:[0-9]{1,4}}`).

    `live` and `live_s`: the values that change on this page, and how often they are looked at (the event stream asks).
    For the API: `summary`, the structs of query, body and answer, from which its description is made. `statuses` are
    further answers it may give (beside those all routes share). `is_safe_mode`: serves without a station, too.
    `is_noted`: the door writes a line of the operation log for a write that nobody else has noted (False where nothing
    of the station changes). `body_bytes`: so much is taken at most. An API token opens what is below /api/.
    """

    method: str
    path: str
    handler: Handler
    right: Right | None
    summary: str = ""
    query: type[Any] | None = None
    body: type[Any] | None = None
    gives: type[Any] | None = None
    content_type: str = "application/json"
    statuses: tuple[int, ...] = ()
    tag: str = ""
    live: LiveValues | None = None
    live_s: float = 1.0
    body_bytes: int = FORM_BYTES
    is_safe_mode: bool = False
    is_noted: bool = True
    is_passive: bool = False
    """A page asks this by itself: it does not renew the log-in."""

    @property
    def is_api(self) -> bool:
        return self.path.startswith("/api/v")


def get(path: str, handler: Handler, right: Right | None, **more: Any) -> Route:
    return Route(method="GET", path=path, handler=handler, right=right, **more)


def post(path: str, handler: Handler, right: Right | None, **more: Any) -> Route:
    return Route(method="POST", path=path, handler=handler, right=right, **more)
