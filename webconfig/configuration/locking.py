"""Locking texts with a password, in a child process (`webconfig/sealing.py`)."""

from __future__ import annotations

import msgspec

from webconfig.answers import Problem
from webconfig.ask import Ask
from webconfig.configuration.applying import children
from webconfig.configuration.child import ChildFailed
from webconfig.sealing import FORMAT, Job, Outcome

WITHIN_S = 30.0


async def sealed(ask: Ask, text: str, password: str) -> str:
    """The text locked. Raises Problem 422 for a weak password, 503 when the child did not answer."""
    return await _job(ask, "seal", text, password)


async def unlocked(ask: Ask, text: str, password: str) -> str:
    """The text as it was; one that is not locked as it is. Raises Problem 422 with what is wrong."""
    if f'"{FORMAT}"' not in text[:200]:
        return text
    return await _job(ask, "open", text, password)


async def _job(ask: Ask, what: str, text: str, password: str) -> str:
    job = msgspec.json.encode(Job(password[:200], text))
    try:
        out = await children(ask).run("webconfig.sealing", (what,), job, ask.site.context.data, WITHIN_S)
        found = msgspec.json.decode(out, type=Outcome)
    except (ChildFailed, msgspec.DecodeError) as error:
        raise Problem(503, "failed", ask.text("config.dry_run_failed", why=str(error))) from None
    if found.code != "ok":
        raise Problem(422, found.code, ask.text(f"config.sealed_{found.code}"), {"password": found.code})
    return found.content
