"""Answers as HTTP: pages, JSON, files, event streams, each with the headers every answer has."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator
from urllib.parse import quote

import msgspec

from webconfig.answers import Answer, Download, Html, Json, Live, Problem, Redirect, Sent
from webconfig.ask import Ask
from webconfig.http.messages import Request, Response, StreamResponse
from webconfig.words import Words

log = logging.getLogger(__name__)

SECURE_COOKIE, PLAIN_COOKIE, LANGUAGE_COOKIE = "__Host-session", "session", "language"
SAFE_METHODS = frozenset({"GET", "HEAD"})
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
    "Server": "station",
}
HSTS = "max-age=31536000"
READ_WITHIN_S = 30.0
READ_BYTES_S = 16 << 10
"""A large body may take longer than READ_WITHIN_S as long as it comes at this rate."""
KEEP_ALIVE_S = 15.0
TAKE_WITHIN_S = 20.0
"""A reader of a stream takes what was sent within this, or his stream ends."""
SLOW_PATHS = frozenset({"/login", "/recovery"})
"""What is posted there may cost the hub a slow hash: it has a pace of its own."""
TOKEN_STREAM_S = 60.0
"""A stream of a token ends after this, and is opened anew: the token may have been revoked."""
LOCAL_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")


async def respond(request: Request, answer: Answer, ask: Ask) -> StreamResponse:
    """Send it, or prepare what is sent. Raises Problem, ConnectionError."""
    headers = headers_for(request)
    if isinstance(answer, Sent):
        return answer.response
    if isinstance(answer, Html):
        text = str(answer.content)
        return _compressed(Response(text=text, status=answer.status, content_type="text/html", headers=headers))
    if isinstance(answer, Json):
        if answer.etag:
            headers["ETag"] = f'"{answer.etag}"'
        body = msgspec.json.encode(answer.content)
        return _compressed(Response(body=body, status=answer.status, content_type="application/json", headers=headers))
    if isinstance(answer, Redirect):
        return Response(status=303, headers={**headers, "Location": local_path(answer.path)})
    if isinstance(answer, Download):
        return await _download(request, answer, headers)
    return await _stream(request, answer, headers, ask)


async def _download(request: Request, answer: Download, headers: dict[str, str]) -> StreamResponse:
    name = safe_name(answer.name)
    how = "inline" if answer.is_shown else "attachment"
    headers["Content-Disposition"] = f"{how}; filename=\"{name}\"; filename*=UTF-8''{quote(name)}"
    response = StreamResponse(headers={**headers, "Content-Type": answer.content_type})
    try:
        first = await anext(answer.chunks, b"")  # what fails at once is told as a problem
        await response.prepare(request)
        await _written(response, first)
        async for chunk in answer.chunks:
            await _written(response, chunk)
        await response.write_eof()
    except Problem as problem:
        if not response.prepared:
            raise
        raise ConnectionError(f"{name} broke off: {problem.detail}") from problem  # a file without its end says so
    finally:
        if isinstance(answer.chunks, AsyncGenerator):
            await answer.chunks.aclose()
    return response


async def _stream(request: Request, answer: Live, headers: dict[str, str], ask: Ask) -> StreamResponse:
    site, visitor = ask.site, ask.visitor
    if site.viewers >= site.context.settings.web.most_viewers:
        raise Problem(503, "too_many_viewers", ask.text("problem.too_many_viewers"), headers={"Retry-After": "30"})
    response = StreamResponse(headers={**headers, "Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
    site.viewers += 1
    pump = asyncio.create_task(_pump(request, response, answer), name="event stream")
    waits: set[asyncio.Task[object]] = {
        pump,
        asyncio.create_task(site.context.stopping.wait(), name="stopping"),
    }
    if visitor is not None:
        waits.add(asyncio.create_task(visitor.ended.wait(), name="log-in ended"))
    limit_s = TOKEN_STREAM_S if visitor is not None and visitor.token_id else None
    try:
        await asyncio.wait(waits, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        error = pump.exception() if pump.done() and not pump.cancelled() else None
        if isinstance(error, Problem) and not response.prepared:
            raise error
        if isinstance(error, ConnectionError) and request.transport is not None:
            request.transport.abort()
        elif error is not None:
            log.warning("an event stream failed: %r", error)
    finally:
        site.viewers -= 1
        for task in waits:
            task.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
    return response


async def _pump(request: Request, response: StreamResponse, answer: Live) -> object:
    await response.prepare(request)
    await response.write(b": open\n\n")  # headers go out with the first bytes only
    source = aiter(answer.events)
    waiting: asyncio.Task[tuple[str, str, str]] | None = None
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(anext(source))
            done, _ = await asyncio.wait({waiting}, timeout=KEEP_ALIVE_S)
            if not done:
                await _written(response, b": still here\n\n")
                continue
            try:
                number, event, data = waiting.result()
            except StopAsyncIteration:
                return None
            finally:
                waiting = None
            lines = [f"id: {number}"] if number else []
            lines += [f"event: {event}"] if event else []
            lines += [f"data: {line}" for line in data.split("\n")]
            await _written(response, ("\n".join(lines) + "\n\n").encode())
    finally:
        if waiting is not None:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)


async def _written(response: StreamResponse, content: bytes) -> None:
    """Raises ConnectionError when the reader does not take it: nothing piles up for who does not read."""
    try:
        async with asyncio.timeout(TAKE_WITHIN_S):
            await response.write(content)
    except TimeoutError:
        raise ConnectionError("it does not take what is sent") from None


def local_path(path: str) -> str:
    """A path of this station as a browser reads it; anything else (other hosts, control characters) is its root."""
    path = quote(path, safe="/?&=%:;,+@!$'()*~#[]\\") if path.isprintable() else "/"
    return path if LOCAL_PATH.fullmatch(path) else "/"


def headers_for(request: Request) -> dict[str, str]:
    """The headers every answer has."""
    return {**HEADERS, "Strict-Transport-Security": HSTS} if request.secure else dict(HEADERS)


def cookie_name(request: Request) -> str:
    return SECURE_COOKIE if request.secure else PLAIN_COOKIE


def set_cookies(request: Request, response: StreamResponse, cookies: dict[str, str | None]) -> None:
    """Cookies of this host only, unseen by scripts, sent to this site only."""
    for name, value in cookies.items():
        keeps = name not in (SECURE_COOKIE, PLAIN_COOKIE)
        if value is None:
            response.del_cookie(name, secure=request.secure)
        else:
            response.set_cookie(name, value, secure=request.secure, max_age=31_536_000 if keeps else None)


def safe_name(name: str) -> str:
    """A file name without anything that means something in a header or a path."""
    return re.sub(r"[^\w.\-]+", "_", name, flags=re.ASCII).strip("._")[:120] or "download"


def _compressed(response: Response) -> Response:
    if len(response.body) > 1400:
        response.enable_compression()
    return response


async def read_bounded(request: Request, most: int, words: Words) -> bytes:
    """The body. Raises Problem 413 when it is larger than `most` bytes, 408 when it does not come."""
    if request.content_length is not None and request.content_length > most:
        raise Problem(413, "too_large", words("problem.too_large", kb=most // 1024))
    found = bytearray()
    try:
        async with asyncio.timeout(READ_WITHIN_S + (request.content_length or 0) / READ_BYTES_S):
            async for chunk in request.body():
                found += chunk
                if len(found) > most:
                    raise Problem(413, "too_large", words("problem.too_large", kb=most // 1024))
    except TimeoutError:
        raise Problem(408, "too_slow", words("problem.too_slow")) from None
    return bytes(found)
