"""A draft tried and applied, for page and API alike."""

from __future__ import annotations

import msgspec

from chargepoint.actions import ACTIONS, carry_out
from chargepoint.dry_run import WITHIN_S, Findings
from chargepoint.guards import Guard, confirmed
from chargepoint.messages import ActionResult, CheckPassword, ConfigurationPage
from webconfig.answers import Problem
from webconfig.ask import Ask
from webconfig.configuration.child import ChildFailed, Children

START_S = 15.0
"""For the start of the child's interpreter, beside its own time."""


def deed_of(page: ConfigurationPage) -> str:
    """Which deed applies this draft: G3 where identity or topology differ."""
    return "apply_configuration" if page.is_grave else "apply_values"


async def dry_run(ask: Ask, text: str) -> Findings:
    """What the station would be with this text. Raises Problem 503 when the child did not answer."""
    try:
        out = await children(ask).run(
            "chargepoint.dry_run", (), text.encode(), ask.site.context.data, WITHIN_S + START_S
        )
        return msgspec.json.decode(out, type=Findings)
    except (ChildFailed, msgspec.DecodeError) as error:
        raise Problem(503, "dry_run_failed", ask.text("config.dry_run_failed", why=str(error))) from None


def children(ask: Ask) -> Children:
    """The one that runs work in other processes."""
    found: Children = ask.site.parts.setdefault(Children, Children())
    return found


async def apply(
    ask: Ask, page: ConfigurationPage, *, password: str, base: str, comment: str = "", wait: bool = False, at: str = ""
) -> ActionResult:
    """Carry the deed out for who gave his password (G3), or who said in so many words that he means it (G2).

    Raises Problem 403 for a wrong password.
    """
    name = deed_of(page)
    guard = ACTIONS[name].guard
    if guard >= Guard.G3:
        answer = await ask.call("hub", CheckPassword(login=ask.login, password=password[:200]))
        if not answer.ok:
            raise Problem(403, "wrong_password", ask.text("config.wrong_password"), {"password": answer.code})
    arguments: dict[str, str | int] = {"keep": 1, "base": base, "comment": comment[:200], "wait": int(wait), "at": at}
    passed = confirmed(name, arguments, guard)
    return await carry_out(ask.site.context.bus, name, arguments, ask.asker, passed=passed)
