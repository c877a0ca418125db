"""The kinds of messages and the two answers every service gives."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

R = TypeVar("R", bound="Reply")


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="is", tag=True):
    """Anything that crosses the bus. Its tag is its class name."""


class Event(Message, frozen=True, kw_only=True):
    """Something happened."""


class State(Message, frozen=True, kw_only=True):
    """How something is now; the newest value replaces the one before."""


class Reply(Message, frozen=True, kw_only=True):
    """An answer to a request."""


class Request(Message, Generic[R], frozen=True, kw_only=True):
    """Somebody wants something of one service."""


class Done(Reply, frozen=True, kw_only=True):
    """It is done, and durable where the request asked for something to be kept (R24)."""


class ActionResult(Reply, frozen=True, kw_only=True):
    """What came of a deed. `code` is a word for programs (`ok`, `busy`, `not_supported`, ...), `text` for people.

    `text_key` and `values` are the same for screens with texts of their own; `table` rows of what was measured, the
    first its head. `action` and `duration_ms` are filled in by `actions.carry_out`.
    """

    ok: bool
    code: str
    text: str = ""
    action: str = ""
    text_key: str = ""
    values: dict[str, str] = {}
    table: tuple[tuple[str, ...], ...] = ()
    duration_ms: int = 0
