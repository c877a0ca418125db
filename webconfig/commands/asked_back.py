"""Guard checks that pages have open: each belongs to who opened it, serves once, and is forgotten after ten minutes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from chargepoint.guards import LOOKS_S, Check, Guard, Pass, opened

MOST_OPEN = 200
FORGOTTEN_S = 600.0


@dataclass
class Opened:
    """One check on a page. `arguments` as the page will send them."""

    login: str
    check: Check
    arguments: dict[str, str]


class AskedBack:
    """All open checks, by the secret of their page."""

    def __init__(self) -> None:
        self._open: dict[str, Opened] = {}

    def open(self, login: str, deed: str, arguments: dict[str, str], guard: Guard, now_s: float) -> tuple[str, Opened]:
        """A new one for a page that is about to be shown."""
        for key in [key for key, one in self._open.items() if now_s - one.check.opened_s > FORGOTTEN_S]:
            del self._open[key]
        while len(self._open) >= MOST_OPEN:
            self._open.pop(next(iter(self._open)))
        key = secrets.token_urlsafe(18)
        found = Opened(login, opened(deed, arguments, guard, now_s), dict(arguments))
        self._open[key] = found
        return key, found

    def of(self, key: str, login: str, deed: str) -> Opened | None:
        """The one of this page, if it is his and of this deed."""
        found = self._open.get(key)
        return found if found is not None and found.login == login and found.check.action == deed else None


def step(found: Opened, answer: str, now_s: float) -> Check:
    """The button was pressed, with this answer to the sum. Whoever sends a form has looked at its page."""
    check = found.check.pressed(max(now_s, found.check.opened_s + LOOKS_S))
    if check.waits_for == "sum":
        check = check.answered(answer, now_s)
    found.check = check
    return check


def proven(found: Opened, is_right: bool, now_s: float) -> Pass | None:
    """What the hub said of the password."""
    found.check = found.check.with_password(is_right, now_s)
    return found.check.passed
