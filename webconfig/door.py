"""The only way in: every request passes `Door.handle`, which looks at host, origin, session, right, CSRF and size
before a handler hears of it, and turns the answer into HTTP with all headers (webconfig.md 12;
reliability.md S14 to S17)."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import htpy
import msgspec
from aiohttp import web

from chargepoint.config_web import WebSettings
from chargepoint.messages import CheckToken, SecurityNoted
from chargepoint.rights import Right
from webconfig.answers import Answer, Download, Html, Json, Live, Problem, Redirect
from webconfig.ask import Ask
from webconfig.routes import Route
from webconfig.site import Site
from webconfig.visitors import Visitor, same
from webconfig.words import Words, best_language

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
}
HSTS = "max-age=31536000"
READ_WITHIN_S = 30.0
KEEP_ALIVE_S = 15.0
ErrorPage = Callable[[Ask | None, Words, Problem], htpy.Renderable]


class Door:
    """Lets requests in. `error_page` draws what went wrong for people."""

    def __init__(self, site: Site, settings: WebSettings, error_page: ErrorPage, default_language: str) -> None:
        self._site = site
        self._settings = settings
        self._error_page = error_page
        self._default_language = default_language
        host = socket.gethostname()
        self._names = {name.lower() for name in (*settings.host_names, host, f"{host}.local", "localhost")}

    def handler(self, route: Route) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self.handle(route, request)

        return handle

    async def handle(self, route: Route, request: web.Request) -> web.StreamResponse:
        """Answer a request of this route; never raises but when the connection is gone."""
        words = self._words(request)
        ask: Ask | None = None
        try:
            self.check_host(request, words)
            visitor = await self._visitor(route, request, words)
            ask = Ask(self._site, route, request, visitor, words)
            self._check_right(ask)
            if request.method not in SAFE_METHODS:
                await self._check_write(ask)
            if self._site.is_safe_mode and not route.is_safe_mode:
                if route.is_api:
                    raise Problem(503, "safe_mode", words("problem.safe_mode"))
                return await self._respond(request, Redirect("/safe-mode"))
            answer = await route.handler(ask)
            response = await self._respond(request, answer, ask)
            if not response.prepared:
                set_cookies(request, response, ask.cookies)
            return response
        except Problem as problem:
            return self._told(route, request, ask, words, problem)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:
            log.exception("%s %s failed", request.method, route.path)
            return self._told(route, request, ask, words, Problem(500, "failed", words("problem.failed")))

    def check_host(self, request: web.Request, words: Words) -> None:
        """Raises Problem 421 for a host name that is not this station's (DNS rebinding). An address is always right."""
        host = request.host.lower()
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        name = name.strip("[]")
        if name in self._names or _is_address(name):
            return
        raise Problem(421, "wrong_host", words("problem.wrong_host", host=name[:100]))

    # ------------------------------------------------------------------------------------------------ who it is

    async def _visitor(self, route: Route, request: web.Request, words: Words) -> Visitor | None:
        header = request.headers.get("Authorization", "")
        if header and route.is_api:
            return await self._with_token(header, request, words)
        secret = request.cookies.get(cookie_name(request), "")
        if not secret:
            return None
        is_action = not (route.path == "/live" or request.headers.get("X-Refresh"))
        return self._site.visitors.of(secret, is_action)

    async def _with_token(self, header: str, request: web.Request, words: Words) -> Visitor:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip() or len(token) > 200:
            raise Problem(401, "bad_token", words("problem.bad_token"), headers={"WWW-Authenticate": "Bearer"})
        ask = Ask(self._site, _TOKEN_ROUTE, request, None, words)
        answer = await ask.call("hub", CheckToken(token=token.strip(), origin=request.remote or ""))
        if not answer.ok or answer.role is None:
            raise Problem(401, "bad_token", words("problem.bad_token"), headers={"WWW-Authenticate": "Bearer"})
        now_s = self._site.now_s()
        return Visitor(answer.login, answer.role, 0, now_s, now_s, origin=request.remote or "", token_id=answer.id)

    def _check_right(self, ask: Ask) -> None:
        right = ask.route.right
        if right is None:
            return
        visitor = ask.visitor
        if visitor is None:
            raise Problem(401, "not_logged_in", ask.text("problem.not_logged_in"))
        if visitor.must_change and ask.route.path not in ("/password", "/logout"):
            raise Problem(403, "must_change", ask.text("problem.must_change"))
        if not visitor.must_change and not visitor.may(right):
            self._site.context.bus.publish(
                SecurityNoted(
                    type="AccessRefused",
                    source_type="web",
                    source=ask.origin,
                    operation=f"{ask.request.method} {ask.route.path}"[:200],
                    extra=f"{visitor.login}, {visitor.role.value}",
                )
            )
            raise Problem(403, "no_right", ask.text("problem.no_right"))

    async def _check_write(self, ask: Ask) -> None:
        request, route = ask.request, ask.route
        origin = request.headers.get("Origin")
        if origin is not None and origin.lower() != f"{request.scheme}://{request.host}".lower():
            raise Problem(403, "wrong_origin", ask.text("problem.wrong_origin"))
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise Problem(403, "wrong_origin", ask.text("problem.wrong_origin"))
        if route.body_bytes:
            ask.raw = await read_bounded(request, route.body_bytes, ask.words)
        if ask.visitor is None or ask.visitor.token_id:
            return
        given = request.headers.get("X-CSRF-Token") or ""
        if not given and not route.is_api and route.body_bytes:
            given = ask.form().get("csrf", "")
        if not same(given, ask.visitor.csrf):
            raise Problem(403, "csrf", ask.text("problem.csrf"))

    def _words(self, request: web.Request) -> Words:
        chosen = request.cookies.get(LANGUAGE_COOKIE, "")
        return Words(chosen or best_language(request.headers.get("Accept-Language", ""), self._default_language))

    # ------------------------------------------------------------------------------------------------ answers

    async def _respond(self, request: web.Request, answer: Answer, ask: Ask | None = None) -> web.StreamResponse:
        headers = headers_for(request)
        if isinstance(answer, Html):
            text = str(answer.content)
            return _compressed(web.Response(text=text, status=answer.status, content_type="text/html", headers=headers))
        if isinstance(answer, Json):
            if answer.etag:
                headers["ETag"] = f'"{answer.etag}"'
            body = msgspec.json.encode(answer.content)
            return _compressed(
                web.Response(body=body, status=answer.status, content_type="application/json", headers=headers)
            )
        if isinstance(answer, Redirect):
            path = answer.path if answer.path.startswith("/") and not answer.path.startswith("//") else "/"
            return web.Response(status=303, headers={**headers, "Location": path})
        if isinstance(answer, Download):
            return await self._download(request, answer, headers)
        return await self._stream(request, answer, headers, ask)

    async def _download(self, request: web.Request, answer: Download, headers: dict[str, str]) -> web.StreamResponse:
        name = safe_name(answer.name)
        how = "inline" if answer.is_shown else "attachment"
        headers["Content-Disposition"] = f"{how}; filename=\"{name}\"; filename*=UTF-8''{quote(name)}"
        response = web.StreamResponse(headers={**headers, "Content-Type": answer.content_type})
        first = await anext(answer.chunks, b"")  # what fails at once is told as a problem
        await response.prepare(request)
        await response.write(first)
        async for chunk in answer.chunks:
            await response.write(chunk)
        await response.write_eof()
        return response

    async def _stream(
        self, request: web.Request, answer: Live, headers: dict[str, str], ask: Ask | None
    ) -> web.StreamResponse:
        if self._site.viewers >= self._settings.most_viewers:
            raise Problem(
                503, "too_many_viewers", Words("en")("problem.too_many_viewers"), headers={"Retry-After": "30"}
            )
        response = web.StreamResponse(
            headers={**headers, "Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        )
        self._site.viewers += 1
        pump = asyncio.create_task(_pump(request, response, answer), name="event stream")
        over = asyncio.create_task(ask.visitor.ended.wait(), name="log-in ended") if ask and ask.visitor else None
        stop = asyncio.create_task(self._site.context.stopping.wait(), name="stopping")
        waits = {task for task in (pump, over, stop) if task is not None}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if pump.done() and not pump.cancelled() and not isinstance(pump.exception(), ConnectionError | None):
                log.warning("an event stream failed: %r", pump.exception())
        finally:
            self._site.viewers -= 1
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        return response

    def _told(
        self, route: Route | None, request: web.Request, ask: Ask | None, words: Words, problem: Problem
    ) -> web.StreamResponse:
        headers = {**headers_for(request), **problem.headers}
        if route is not None and not route.is_api and request.method in SAFE_METHODS and route.path != "/live":
            if problem.code == "not_logged_in":
                back = quote(request.path_qs, safe="/?=&") if request.path != "/" else ""
                return web.Response(
                    status=303, headers={**headers, "Location": f"/login?to={back}" if back else "/login"}
                )
            if problem.code == "must_change":
                return web.Response(status=303, headers={**headers, "Location": "/password"})
        if route is None or route.is_api or route.path == "/live":
            content = {"type": f"/help#{problem.code}", "title": problem.code, "status": problem.status,
                       "code": problem.code, "detail": problem.detail, "fields": problem.fields}  # fmt: skip
            return web.Response(
                body=msgspec.json.encode(content),
                status=problem.status,
                headers={**headers, "Content-Type": "application/problem+json"},
            )
        text = str(self._error_page(ask, words, problem))
        return web.Response(text=text, status=problem.status, content_type="text/html", headers=headers)

    def unknown(self, request: web.Request) -> web.StreamResponse:
        """The answer to a path or method that is in no route."""
        words = self._words(request)
        try:
            self.check_host(request, words)
        except Problem as problem:
            return self._told(None, request, None, words, problem)
        missing = Problem(404, "not_found", words("problem.not_found"))
        if request.path.startswith("/api/"):
            return self._told(None, request, None, words, missing)
        text = str(self._error_page(None, words, missing))
        return web.Response(text=text, status=404, content_type="text/html", headers=headers_for(request))


async def read_bounded(request: web.Request, most: int, words: Words) -> bytes:
    """The body. Raises Problem 413 when it is larger than `most` bytes, 408 when it does not come."""
    if request.content_length is not None and request.content_length > most:
        raise Problem(413, "too_large", words("problem.too_large", kb=most // 1024))
    found = bytearray()
    try:
        async with asyncio.timeout(READ_WITHIN_S):
            async for chunk in request.content.iter_any():
                found += chunk
                if len(found) > most:
                    raise Problem(413, "too_large", words("problem.too_large", kb=most // 1024))
    except TimeoutError:
        raise Problem(408, "too_slow", words("problem.too_slow")) from None
    return bytes(found)


async def _pump(request: web.Request, response: web.StreamResponse, answer: Live) -> None:
    await response.prepare(request)
    source = aiter(answer.events)
    waiting: asyncio.Task[tuple[str, str, str]] | None = None
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(anext(source))
            done, _ = await asyncio.wait({waiting}, timeout=KEEP_ALIVE_S)
            if not done:
                await response.write(b": still here\n\n")
                continue
            try:
                number, event, data = waiting.result()
            except StopAsyncIteration:
                return
            finally:
                waiting = None
            lines = [f"id: {number}"] if number else []
            lines += [f"event: {event}"] if event else []
            lines += [f"data: {line}" for line in data.split("\n")]
            await response.write(("\n".join(lines) + "\n\n").encode())
    finally:
        if waiting is not None:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)


def headers_for(request: web.Request) -> dict[str, str]:
    """The headers every answer has."""
    return {**HEADERS, "Strict-Transport-Security": HSTS} if request.secure else dict(HEADERS)


def cookie_name(request: web.Request) -> str:
    return SECURE_COOKIE if request.secure else PLAIN_COOKIE


def set_cookies(request: web.Request, response: web.StreamResponse, cookies: dict[str, str | None]) -> None:
    """Cookies of this host only, unseen by scripts, sent to this site only."""
    for name, value in cookies.items():
        keeps = name not in (SECURE_COOKIE, PLAIN_COOKIE)
        if value is None:
            response.del_cookie(name, path="/", secure=request.secure, httponly=True, samesite="Strict")
        else:
            response.set_cookie(
                name,
                value,
                path="/",
                secure=request.secure,
                httponly=True,
                samesite="Strict",
                max_age=31_536_000 if keeps else None,
            )


def safe_name(name: str) -> str:
    """A file name without anything that means something in a header or a path."""
    return re.sub(r"[^\w.\-]+", "_", name, flags=re.ASCII).strip("._")[:120] or "download"


def _compressed(response: web.Response) -> web.Response:
    if isinstance(response.body, bytes) and len(response.body) > 1400:
        response.enable_compression()
    return response


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


async def _no_handler(_ask: Ask) -> Answer:
    raise AssertionError


_TOKEN_ROUTE = Route(method="GET", path="/api/", handler=_no_handler, right=Right.SEE)
