"""The only way in: every request passes `Door.handle`, which looks at host, origin, session, right, CSRF and size
before a handler hears of it, and turns the answer into HTTP with all headers (webconfig.md 12;
reliability.md S14 to S17)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from urllib.parse import quote

import htpy
import msgspec

from chargepoint.config_web import WebSettings
from chargepoint.messages import CheckToken, Noted, SecurityNoted
from chargepoint.rights import Right
from chargepoint.vocabulary import EventType
from webconfig.admission import Admission
from webconfig.answers import Answer, Html, Json, Problem, Redirect
from webconfig.ask import Ask
from webconfig.http.messages import Request, Response, StreamResponse
from webconfig.routes import Route
from webconfig.sending import (
    LANGUAGE_COOKIE,
    SAFE_METHODS,
    SLOW_PATHS,
    cookie_name,
    headers_for,
    read_bounded,
    respond,
    set_cookies,
)
from webconfig.site import Site
from webconfig.visitors import Visitor, same
from webconfig.words import Words, best_language

log = logging.getLogger(__name__)

__all__ = ["LANGUAGE_COOKIE", "Door", "cookie_name", "headers_for"]

ErrorPage = Callable[[Ask | None, Words, Problem], htpy.Renderable]


class Door:
    """Lets requests in. `error_page` draws what went wrong for people."""

    def __init__(self, site: Site, settings: WebSettings, error_page: ErrorPage, default_language: str) -> None:
        self._site = site
        self._error_page = error_page
        self._default_language = default_language
        self.admission = Admission(settings, site.now_s)

    async def handle(self, route: Route, request: Request) -> StreamResponse:
        """Answer a request of this route; never raises but when the connection is gone."""
        words = self._words(request)
        ask: Ask | None = None
        try:
            elsewhere = self.admission.admit(request, words)
            if elsewhere is not None:
                return elsewhere
            if request.method not in SAFE_METHODS and route.path in SLOW_PATHS:
                self.admission.take(self.admission.logins, request, words)
            visitor = await self._visitor(route, request, words)
            ask = Ask(self._site, route, request, visitor, words)
            self._check_right(ask)
            if request.method not in SAFE_METHODS:
                await self._check_write(ask)
            if self._site.is_safe_mode and not route.is_safe_mode:
                if route.is_api:
                    raise Problem(503, "safe_mode", words("problem.safe_mode"))
                return await respond(request, Redirect("/safe-mode"), ask)
            answer = await route.handler(ask)
            self._note_write(ask, answer)
            response = await respond(request, answer, ask)
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

    # ------------------------------------------------------------------------------------------------ who it is

    async def _visitor(self, route: Route, request: Request, words: Words) -> Visitor | None:
        header = request.headers.get("Authorization", "")
        if header and route.is_api:
            return await self._with_token(header, request, words)
        secret = request.cookies.get(cookie_name(request), "")
        if not secret:
            return None
        is_action = not (route.path == "/live" or route.is_passive or request.headers.get("X-Refresh"))
        return self._site.visitors.of(secret, is_action)

    async def _with_token(self, header: str, request: Request, words: Words) -> Visitor:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip() or len(token) > 200:
            raise Problem(401, "bad_token", words("problem.bad_token"), headers={"WWW-Authenticate": "Bearer"})
        ask = Ask(self._site, _TOKEN_ROUTE, request, None, words)
        answer = await ask.call("hub", CheckToken(token=token.strip(), origin=request.remote or ""))
        if not answer.ok or answer.role is None:
            self.admission.take(self.admission.logins, request, words)
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
            self._note_refusal(ask, visitor, "no right")
            raise Problem(403, "no_right", ask.text("problem.no_right"))

    async def _check_write(self, ask: Ask) -> None:
        request, route = ask.request, ask.route
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Problem(415, "compressed", ask.text("problem.compressed"))
        if route.body_bytes:
            ask.raw = await read_bounded(request, route.body_bytes, ask.words)
        if ask.visitor is None or ask.visitor.token_id:
            return
        given = request.headers.get("X-CSRF-Token") or ""
        if not given and not route.is_api and route.body_bytes:
            given = ask.form().get("csrf", "")
        if not same(given, ask.visitor.csrf):
            self._note_refusal(ask, ask.visitor, "no CSRF token")
            raise Problem(403, "csrf", ask.text("problem.csrf"))

    def _note_refusal(self, ask: Ask, visitor: Visitor, why: str) -> None:
        """A line of the security journal; not more of them than somebody can read."""
        if self.admission.notes.wait_s(ask.origin, self._site.now_s()):
            return
        self._site.context.bus.publish(
            SecurityNoted(
                type="AccessRefused",
                source_type="web",
                source=ask.origin,
                operation=f"{ask.request.method} {ask.route.path}"[:200],
                extra=f"{visitor.login}, {visitor.role.value}, {why}",
            )
        )

    def _note_write(self, ask: Ask, answer: Answer) -> None:
        """A line of the operation log for what was sent by somebody who is logged in, unless whoever carried it out
        has written one."""
        if ask.request.method in SAFE_METHODS or ask.visitor is None or ask.is_noted or not ask.route.is_noted:
            return
        status = answer.status if isinstance(answer, Html | Json) else 200
        by = f"{ask.login} (token {ask.visitor.token_id})" if ask.visitor.token_id else ask.login
        self._site.context.bus.publish(
            Noted(
                event_type=EventType.REMOTE_COMMAND,
                action="Success" if status < 400 else "Failed",
                message=f"{ask.request.method} {ask.request.path} by {by} (webconfig, {ask.origin})"[:500],
                error="" if status < 400 else f"HTTP {status}",
            )
        )

    def _words(self, request: Request) -> Words:
        chosen = request.cookies.get(LANGUAGE_COOKIE, "")
        return Words(chosen or best_language(request.headers.get("Accept-Language", ""), self._default_language))

    # ------------------------------------------------------------------------------------------------ answers

    def _told(
        self, route: Route | None, request: Request, ask: Ask | None, words: Words, problem: Problem
    ) -> StreamResponse:
        headers = {**headers_for(request), **problem.headers}
        if route is not None and not route.is_api and request.method in SAFE_METHODS and route.path != "/live":
            if problem.code == "not_logged_in":
                back = quote(request.path_qs, safe="/?=&") if request.path != "/" else ""
                return Response(status=303, headers={**headers, "Location": f"/login?to={back}" if back else "/login"})
            if problem.code == "must_change":
                return Response(status=303, headers={**headers, "Location": "/password"})
        if route is None or route.is_api or route.path == "/live":
            content = {"type": f"/help#{problem.code}", "title": problem.code, "status": problem.status,
                       "code": problem.code, "detail": problem.detail, "fields": problem.fields}  # fmt: skip
            return Response(
                body=msgspec.json.encode(content),
                status=problem.status,
                headers={**headers, "Content-Type": "application/problem+json"},
            )
        text = str(self._error_page(ask, words, problem))
        return Response(text=text, status=problem.status, content_type="text/html", headers=headers)

    def unknown(self, request: Request) -> StreamResponse:
        """The answer to a path or method that is in no route."""
        return self.outside(request, lambda: None)

    def outside(
        self, request: Request, answer: Callable[[], StreamResponse | None], methods: Iterable[str] = ()
    ) -> StreamResponse:
        """The answer to a path that is in no row: a file that is the same for everybody, else 404; 405 when rows of
        this path have other `methods`."""
        words = self._words(request)
        try:
            found = self.admission.admit(request, words) or answer()
            if found is not None:
                return found
            if methods:
                allowed = {"Allow": ", ".join(sorted(methods))}
                raise Problem(405, "wrong_method", words("problem.wrong_method"), headers=allowed)
            raise Problem(404, "not_found", words("problem.not_found"))
        except Problem as problem:
            if request.path.startswith("/api/"):
                return self._told(None, request, None, words, problem)
            headers = {**headers_for(request), **problem.headers}
            text = str(self._error_page(None, words, problem))
            return Response(text=text, status=problem.status, content_type="text/html", headers=headers)


async def _no_handler(_ask: Ask) -> Answer:
    raise AssertionError


_TOKEN_ROUTE = Route(method="GET", path="/api/", handler=_no_handler, right=Right.SEE)
