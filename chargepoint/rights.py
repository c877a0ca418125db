"""Who may do what: the rights, and the set of them that each role is. One table for screen, web and command line.

Pure. Source: webconfig.md 2 (station description, roles). A deed names the right it takes (`action_table/`).
"""

from __future__ import annotations

import enum

from chargepoint.vocabulary import Role


class Right(enum.StrEnum):
    """What a role can hold."""

    SEE = "see"
    """Look at the station, its connectors, sessions and charts."""
    OPERATE = "operate"
    """Start and stop sessions, block, unlock, out of service, free mode; the lists of cards."""
    DOWNLOAD = "download"
    """Logs, dumps, exports, screenshots."""
    SERVICE = "service"
    """Diagnostics, test sessions, reboots, time; the service menu at the screen."""
    CONFIGURE = "configure"
    """Configuration, limits, prices, central system, network, firmware."""
    ADMINISTER = "administer"
    """Users, roles, tokens, certificates, factory reset."""


_VIEWER = frozenset({Right.SEE})
_OPERATOR = _VIEWER | {Right.OPERATE, Right.DOWNLOAD}
_TECHNIK = _OPERATOR | {Right.SERVICE, Right.CONFIGURE}

RIGHTS: dict[Role, frozenset[Right]] = {
    Role.CUSTOMER: frozenset(),
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.TECHNIK: _TECHNIK,
    Role.ADMINISTRATOR: _TECHNIK | {Right.ADMINISTER},
}
"""Each role has all rights of the one before it."""

NAMES: dict[Role, str] = {
    Role.CUSTOMER: "customer",
    Role.VIEWER: "viewer",
    Role.OPERATOR: "operator",
    Role.TECHNIK: "technician",
    Role.ADMINISTRATOR: "administrator",
}
"""As people are told."""


def has(role: Role | None, right: Right) -> bool:
    """Whether the role holds this right; nobody holds none."""
    return role is not None and right in RIGHTS[role]


def roles_with(right: Right) -> frozenset[Role]:
    """All roles that hold this right."""
    return frozenset(role for role in Role if right in RIGHTS[role])


def least_role(right: Right) -> Role:
    """The role with the fewest rights that holds this one."""
    return min(roles_with(right), key=lambda role: len(RIGHTS[role]))


def lesser(one: Role, other: Role) -> Role:
    """The one of the two with fewer rights."""
    return min(one, other, key=lambda role: len(RIGHTS[role]))


STAFF = roles_with(Right.SERVICE)
"""Who may come into the service menu at the station."""
ADMINISTRATORS = roles_with(Right.ADMINISTER)
