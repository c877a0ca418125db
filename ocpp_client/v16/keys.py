"""The table of OCPP configuration keys this station has: type, access, default, bounds, when a change takes effect."""

from __future__ import annotations

from ocpp_client.v16.key_kinds import Key, Number
from ocpp_client.v16.keys_core import CORE
from ocpp_client.v16.keys_profiles import PROFILES
from ocpp_client.v16.keys_security import SECURITY

KEYS: tuple[Key, ...] = tuple(sorted((*CORE, *PROFILES, *SECURITY), key=lambda key: key.name))

BY_NAME: dict[str, Key] = {key.name.lower(): key for key in KEYS}
"""Keys are found whatever the case of their letters (CiString50)."""


def markdown() -> str:
    """The table of keys for the documentation."""
    rows = ["| Key | Type | Access | Default | Takes effect | Meaning |", "|---|---|---|---|---|---|"]
    for key in KEYS:
        kind = key.type
        if isinstance(key, Number) and not key.readonly:
            kind += f" {key.at_least}…{key.at_most}" + (f" {key.unit}" if key.unit else "")
        access = "read" if key.readonly else "write" if key.writeonly else "read, write"
        effective = "" if key.readonly else key.effective
        rows.append(
            f"| `{key.name}` | {kind} | {access} | {key.default or '(none)'} | {effective} | {key.description} |"
        )
    return "\n".join(rows) + "\n"
