"""What the hub keeps of log-ins beside passwords: who may be logged in, API tokens, recovery, the first one of all."""

from __future__ import annotations

from datetime import datetime

import msgspec

from chargepoint.messages.kinds import ActionResult, Reply, Request, State
from chargepoint.vocabulary import Role


class Standing(msgspec.Struct, frozen=True):
    """Somebody who may be logged in. `generation` is another one after each change of password, role or block, and
    when somebody of that login is made anew."""

    login: str
    role: Role
    generation: int
    must_change: bool = False


class LoginsState(State, frozen=True, kw_only=True):
    """Topic `access/logins`: everybody who may be logged in now, at whatever door. No cards, no secrets.

    How a door uses it: keep `LoginAnswer.generation` with the session. Before each request, and whenever this state
    changes, the session holds only while its login (whatever its case) is in `users` with that generation; otherwise
    end it at once, event streams too. Take the role from here, never from the session. Whoever changes his own password
    goes on with the `generation` in `values` of the answer to ChangePassword, at the web under a new session id; all
    his other sessions end. Without this state (the hub is away) let nobody in anew.
    """

    users: tuple[Standing, ...] = ()


class ApiToken(msgspec.Struct, frozen=True):
    """A token as people see it; the secret itself is shown once and kept as its SHA-256 only. `role` is the most it may
    do: what its maker may not, it may not either. `is_valid`: not expired, its maker may still be logged in."""

    id: str
    name: str
    role: Role
    created_by: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None
    is_valid: bool = True


class CreateToken(Request["TokenAnswer"], frozen=True, kw_only=True):
    """To hub: a token for the web's API, made by the administrator `by` and ending with him. `role` is the most it may
    do: viewer, operator, technik, administrator. Codes: ok (`token` is shown this once), no_right, bad_name, bad_role,
    bad_days (1 to 366), no_time (the station does not know it yet), too_many (20 of each user)."""

    name: str
    role: Role
    days: int
    by: str


class RevokeToken(Request[ActionResult], frozen=True, kw_only=True):
    """To hub: one's own, or as an administrator. Codes: ok, unknown_token, no_right."""

    id: str
    by: str


class ReadTokens(Request["TokensPage"], frozen=True, kw_only=True):
    """To hub: all tokens, or those of one login."""

    login: str = ""


class TokensPage(Reply, frozen=True, kw_only=True):
    tokens: tuple[ApiToken, ...] = ()


class CheckToken(Request["TokenAnswer"], frozen=True, kw_only=True):
    """webconfig to hub: whose token this is, and what it may do now. Ask for each request: nothing of the answer is to
    be kept. Codes: ok, wrong (unknown, revoked), expired, no_right (its maker may not be logged in any more)."""

    token: str
    origin: str = ""


class TokenAnswer(Reply, frozen=True, kw_only=True):
    """`login` made it, `role` is what it may do now: the less of its own and its maker's. `token`: CreateToken only."""

    ok: bool
    code: str
    text: str = ""
    token: str = ""
    id: str = ""
    name: str = ""
    login: str = ""
    role: Role | None = None
    expires_at: datetime | None = None


class SetRecoveryCode(Request["RecoveryAnswer"], frozen=True, kw_only=True):
    """To hub: make a new recovery code; the one before serves no more. Codes: ok (the code is shown this once),
    no_right."""

    by: str


class RecoveryAnswer(Reply, frozen=True, kw_only=True):
    ok: bool
    code: str
    text: str = ""
    recovery_secret: str = ""


class UseRecoveryCode(Request[ActionResult], frozen=True, kw_only=True):
    """To hub: a new password for an administrator, with the recovery code, which serves once. He is unblocked by it.
    All his sessions end; he logs in anew. Wrong codes count as wrong passwords. Codes: ok, wrong (of code or login),
    wait, weak_password."""

    login: str
    recovery_secret: str
    new_password: str
    origin: str = ""


class MakeFirstAdministrator(Request["FirstAdministrator"], frozen=True, kw_only=True):
    """To hub: on a station without users, make the administrator `admin` with this station's own first password. Asking
    again changes nothing. The web asks at its start; the command line prints the label.

    Codes: ok (he is there and has not changed his password yet), known (users are there, there is nothing to do).
    """


class FirstAdministrator(Reply, frozen=True, kw_only=True):
    """`first_password`: told to the command line only, until he has changed it; empty after that."""

    ok: bool
    code: str
    text: str = ""
    login: str = ""
    first_password: str = ""
