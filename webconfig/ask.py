"""One request, as a handler gets it: already let in, its body bounded, its language known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from chargepoint.action_kinds import Asker
from chargepoint.bus import CallFailed, Unavailable
from chargepoint.messages import (
    ApplyDraft,
    ChangeSettings,
    FactoryReset,
    ReloadConfiguration,
    Reply,
    Request,
    RestartService,
)
from chargepoint.rights import Right
from webconfig import multipart
from webconfig.answers import Problem
from webconfig.http.messages import Request as HttpRequest
from webconfig.routes import Route
from webconfig.site import Site
from webconfig.visitors import Visitor
from webconfig.words import Words

NOTED_BY_SERVICE = (ApplyDraft, ChangeSettings, FactoryReset, ReloadConfiguration, RestartService)
"""Requests that the service itself writes down, with who asked."""

T = TypeVar("T")
R = TypeVar("R", bound=Reply)


class Ask:
    """A request that was let in. `visitor` is None on open routes only."""

    def __init__(self, site: Site, route: Route, request: HttpRequest, visitor: Visitor | None, words: Words) -> None:
        self.site = site
        self.route = route
        self.request = request
        self.visitor = visitor
        self.words = words
        self.raw = b""
        """The body, read and bounded by the door."""
        self.cookies: dict[str, str | None] = {}
        """To be set by the answer; None: to be removed."""
        self.asked: Mapping[str, str] = request.query
        """The query; for the live values of a page that of the page."""
        self.is_noted = False
        """Whoever carried it out wrote a line of the operation log about it; then the door writes none."""

    @property
    def login(self) -> str:
        return self.visitor.login if self.visitor else ""

    @property
    def asker(self) -> Asker:
        """Who asks, for `actions.carry_out`. Raises Problem on an open route."""
        if self.visitor is None:
            raise Problem(401, "not_logged_in", self.words("problem.not_logged_in"))
        self.is_noted = True  # `carry_out` notes it
        return Asker(self.visitor.login, self.visitor.role)

    @property
    def origin(self) -> str:
        """The address it comes from."""
        return self.request.remote or ""

    def may(self, right: Right) -> bool:
        return self.visitor is not None and self.visitor.may(right)

    @property
    def if_match(self) -> str:
        """The version that If-Match names, without its quotes; empty: none."""
        return self.request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')

    def text(self, key: str, **values: str | int | float) -> str:
        return self.words(key, **values)

    def place(self, name: str) -> str:
        """A place of the path (`/sessions/{id}`)."""
        return self.request.match_info[name]

    def number(self, name: str, least: int = 0, most: int = 1 << 62) -> int:
        """A whole number of the path. Raises Problem 404 when it is none or outside."""
        text = self.place(name)
        if not (text.isascii() and text.isdecimal() and len(text) <= 19 and least <= int(text) <= most):
            raise Problem(404, "not_found", self.words("problem.not_found"))
        return int(text)

    def query(self, kind: type[T]) -> T:
        """The query as a struct (its defaults for what is missing). Raises Problem 422 with the field."""
        given: dict[str, str] = {}
        for key, value in self.asked.items():
            if value != "":
                given.setdefault(key, value)
        return self._as(given, kind)

    def query_text(self, name: str, default: str = "") -> str:
        return self.asked.get(name, default)[:500]

    def form(self) -> dict[str, str]:
        """The fields of a form; of several of one name the last. Raises Problem 400 when it is no form."""
        return dict(self._pairs())

    def form_all(self, name: str) -> list[str]:
        """All values of one field (checkboxes)."""
        return [value for key, value in self._pairs() if key == name]

    def form_as(self, kind: type[T]) -> T:
        """The form as a struct; empty fields count as missing. Raises Problem 422."""
        return self._as({key: value for key, value in self._pairs() if value != "" and key != "csrf"}, kind)

    def body(self, kind: type[T]) -> T:
        """The JSON body as a struct. Raises Problem 415, 400 or 422 with the field's path."""
        if self.request.content_type != "application/json":
            raise Problem(415, "not_json", "The body has to be application/json.")
        try:
            return msgspec.json.decode(self.raw or b"{}", type=kind)
        except msgspec.ValidationError as error:
            raise _invalid(error) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Problem(400, "not_json", f"The body is no JSON: {error}") from None

    async def call(self, service: str, request: Request[R], timeout_s: float = 5.0) -> R:
        """Ask a service. Raises Problem 503 when it is not there, 504 when it does not answer, 502 when it failed."""
        try:
            answer = await self.site.context.bus.call(service, request, timeout_s)
            self.is_noted = self.is_noted or isinstance(request, NOTED_BY_SERVICE)
            return answer
        except Unavailable:
            raise Problem(503, "unavailable", self.words("problem.unavailable", service=service)) from None
        except TimeoutError:
            raise Problem(504, "no_answer", self.words("problem.no_answer", service=service)) from None
        except CallFailed as error:
            raise Problem(502, "failed", str(error)) from None

    def _pairs(self) -> list[tuple[str, str]]:
        if self.request.content_type == "multipart/form-data":
            try:
                return multipart.fields(self.raw, self.request.headers.get("Content-Type", ""))
            except ValueError as error:
                raise Problem(400, "not_a_form", f"The form cannot be read: {error}") from None
        if self.request.content_type not in ("application/x-www-form-urlencoded", "application/octet-stream"):
            raise Problem(415, "not_a_form", "The body has to be application/x-www-form-urlencoded.")
        try:
            return parse_qsl(self.raw.decode("utf-8"), keep_blank_values=True, max_num_fields=1000, errors="strict")
        except ValueError as error:
            raise Problem(400, "not_a_form", f"The form cannot be read: {error}") from None

    def _as(self, given: dict[str, Any], kind: type[T]) -> T:
        try:
            return msgspec.convert(given, kind, strict=False)
        except msgspec.ValidationError as error:
            raise _invalid(error) from None


def _invalid(error: msgspec.ValidationError) -> Problem:
    text = str(error)
    what, _, path = text.partition(" - at `$")
    place = path.rstrip("`").lstrip(".") or "body"
    return Problem(422, "invalid", text, {place: what})
