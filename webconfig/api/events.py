"""The stream of events for programs: server-sent events, and the same by WebSocket."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from chargepoint.rights import Right
from webconfig.answers import Answer, Live, Problem, Sent
from webconfig.ask import Ask
from webconfig.feed import TOPICS, Feed
from webconfig.routes import get
from webconfig.sending import headers_for

if TYPE_CHECKING:
    from webconfig.http.websocket import WebSocket

MOST_TOPICS = 64
KEEP_ALIVE_S = 15.0
TOKEN_STREAM_S = 60.0
"""A socket of a token ends after this, and is opened anew: the token may have been revoked."""
MOST_S = 3600.0


class Topics(msgspec.Struct, frozen=True):
    """`topics` with commas between: connector (all), connector.1, station, oplog, command, dump.1; empty: all the asker
    may hear but dumps. `last_id`: go on after this event, as the header Last-Event-ID."""

    topics: Annotated[str, Meta(max_length=2000)] = ""
    last_id: Annotated[str, Meta(max_length=60)] = ""


async def events(ask: Ask) -> Answer:
    given = ask.query(Topics)
    last_id = ask.request.headers.get("Last-Event-ID", "")[:60] or given.last_id
    feed: Feed = ask.site.part(Feed)
    return Live(feed.listen(_topics(ask, given), last_id, MOST_S))


def _topics(ask: Ask, given: Topics) -> list[str]:
    """The topics that are meant. Raises Problem 422 for one there is not, 403 for one he may not hear."""
    wanted = [name.strip() for name in given.topics.split(",") if name.strip()]
    if not wanted:
        return [name for name, right in TOPICS.items() if ask.may(right) and name != "dump"]
    if len(wanted) > MOST_TOPICS:
        raise Problem(422, "invalid", f"At most {MOST_TOPICS} topics.", {"topics": "too many"})
    for name in wanted:
        right = TOPICS.get(name.partition(".")[0])
        if right is None:
            raise Problem(
                422, "invalid", f"There is no topic {name[:60]!r}, only {', '.join(TOPICS)}.", {"topics": name}
            )
        if not ask.may(right):
            raise Problem(403, "no_right", ask.text("problem.no_right"))
    return wanted


async def socket(ask: Ask) -> Answer:
    """The same as JSON messages {"id", "topic", "data"}. A browser has to come from this station's own pages."""
    request, visitor = ask.request, ask.visitor
    assert visitor is not None
    given = ask.query(Topics)
    topics = _topics(ask, given)
    origin = request.headers.get("Origin", "")
    if origin.lower() != f"{request.scheme}://{request.host}".lower() and (origin or not visitor.token_id):
        raise Problem(403, "wrong_origin", ask.text("problem.wrong_origin"))
    if "upgrade" not in request.headers.get("Connection", "").lower():
        raise Problem(426, "no_websocket", "This is a WebSocket.", headers={"Upgrade": "websocket"})
    if ask.site.viewers >= ask.site.context.settings.web.most_viewers:
        raise Problem(503, "too_many_viewers", ask.text("problem.too_many_viewers"), headers={"Retry-After": "30"})
    from webconfig.http.websocket import NoWebSocket, WebSocket

    response = WebSocket(headers_for(request), heartbeat_s=KEEP_ALIVE_S)
    try:
        await response.prepare(request)
    except NoWebSocket:
        raise Problem(400, "no_websocket", "This is no opening handshake of a WebSocket (RFC 6455).") from None
    ask.site.viewers += 1
    feed: Feed = ask.site.part(Feed)
    waits = {
        asyncio.create_task(_send(response, feed, topics, given.last_id), name="socket: events"),
        asyncio.create_task(response.until_over(), name="socket: hearing"),
        asyncio.create_task(visitor.ended.wait(), name="socket: log-in ended"),
        asyncio.create_task(ask.site.context.stopping.wait(), name="socket: stopping"),
    }
    try:
        limit_s = TOKEN_STREAM_S if visitor.token_id else MOST_S
        await asyncio.wait(waits, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ask.site.viewers -= 1
        for task in waits:
            task.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        await response.close()
    return Sent(response)


async def _send(response: WebSocket, feed: Feed, topics: list[str], last_id: str) -> None:
    stream = feed.listen(topics, last_id, MOST_S)
    try:
        async for number, topic, data in stream:
            message = {"id": number, "topic": topic, "data": msgspec.Raw(data.encode())}
            await response.send(msgspec.json.encode(message).decode())
    finally:
        await stream.aclose()


ROUTES = (
    get(
        "/api/v1/events", events, Right.SEE, query=Topics, content_type="text/event-stream", is_passive=True,
        summary="What happens, as server-sent events (resume by Last-Event-ID)", tag="events", statuses=(403, 422, 503),
    ),
    get(
        "/api/v1/ws", socket, Right.SEE, query=Topics, is_passive=True,
        summary="The same by WebSocket", tag="events", statuses=(101, 400, 403, 422, 426, 503),
    ),
)  # fmt: skip
