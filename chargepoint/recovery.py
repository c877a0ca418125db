"""The first administrator of a new station, and the way back in when no administrator knows his password.

The hub's calls MakeFirstAdministrator, SetRecoveryCode, UseRecoveryCode (webconfig.md 11, reliability.md S15). The
first password is made by chance on the station, for its label; it has to be changed at the first log-in. Its hash is
kept, so that after a factory reset the label is right again and no two stations ever have the same one.
"""

from __future__ import annotations

import asyncio
import logging
import secrets

import msgspec

from chargepoint import passwords
from chargepoint.bus import Bus
from chargepoint.entrance import Entrance, Try, refused
from chargepoint.messages import (
    ADMIN,
    ActionResult,
    FirstAdministrator,
    MakeFirstAdministrator,
    RecoveryAnswer,
    SecurityNoted,
    SetRecoveryCode,
    User,
    UseRecoveryCode,
)
from chargepoint.rights import Right, has
from chargepoint.storage.database import CannotRecord
from chargepoint.storage.settings import RECOVERY, Keys, SettingsStore, new_generation
from chargepoint.tokens import standing
from chargepoint.vocabulary import Role

log = logging.getLogger(__name__)

FIRST_LOGIN = "admin"
FIRST_PASSWORD, FIRST_HASH = "first_password", "first_hash"
ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
GROUPS, LETTERS_EACH = 5, 4
"""A code of 20 letters: 99 bits."""


class Recovery:
    """Serves the calls on the hub's own bus. `saving` is held while a user is changed."""

    def __init__(self, store: SettingsStore, bus: Bus, entrance: Entrance, saving: asyncio.Lock) -> None:
        self._store = store
        self._bus = bus
        self._entrance = entrance
        self._saving = saving
        bus.serve(MakeFirstAdministrator, self._make_first)
        bus.serve(SetRecoveryCode, self._set_code)
        bus.serve(UseRecoveryCode, self._use_code)

    # --------------------------------------------------------------------------------------- the first administrator

    async def _make_first(self, _request: MakeFirstAdministrator, sender: str) -> FirstAdministrator:
        async with self._saving:
            is_new = not any(user.role is Role.ADMINISTRATOR for user in self._store.users())
            if is_new and self._store.user(FIRST_LOGIN) is None:
                await self._make(sender)
        await self.forget_if_changed()
        if not self._is_first():
            return FirstAdministrator(ok=False, code="known", text="This station has its administrators already.")
        told = self._store.fact(FIRST_PASSWORD) or ""
        text = "The first password has to be changed at the first log-in." if told else "As on the station's label."
        first = told if sender == ADMIN else ""
        return FirstAdministrator(ok=True, code="ok", text=text, login=FIRST_LOGIN, first_password=first)

    async def _make(self, sender: str) -> None:
        label = self._store.fact(FIRST_HASH)
        if label is None:
            password = passwords.made(FIRST_LOGIN)
            label = await self._entrance.hash_of(password)
            await self._store.set_facts({FIRST_PASSWORD: password, FIRST_HASH: label})
        keys = Keys(label, must_change=True, generation=new_generation())
        await self._store.save_user(User(FIRST_LOGIN, Role.ADMINISTRATOR), None, f"first start ({sender})", keys)
        await self._entrance.changed()
        self._note(FIRST_LOGIN, "first administrator made", sender)

    def _is_first(self) -> bool:
        """The first administrator has still his first password."""
        keys = self._store.keys(FIRST_LOGIN)
        return keys.must_change and keys.password_hash == self._store.fact(FIRST_HASH)

    async def forget_if_changed(self) -> None:
        """Once the first password was changed, what it was is not kept in clear any longer."""
        if self._store.fact(FIRST_PASSWORD) is not None and not self._is_first():
            try:
                await self._store.set_facts({FIRST_PASSWORD: None})
            except CannotRecord as error:  # tried again at the next change
                log.error("settings.db: the first password is still kept: %s", error)

    # --------------------------------------------------------------------------------------------------- the code

    async def _set_code(self, request: SetRecoveryCode, sender: str) -> RecoveryAnswer:
        asker = standing(self._store, request.by)
        if sender != ADMIN and (asker is None or not has(asker.role, Right.ADMINISTER)):
            return RecoveryAnswer(ok=False, code="no_right", text="An administrator has to do this.")
        code = "-".join("".join(secrets.choice(ALPHABET) for _ in range(LETTERS_EACH)) for _ in range(GROUPS))
        await self._store.set_facts({RECOVERY: await self._entrance.hash_of(_bare(code))})
        self._note(request.by, "recovery code made", sender)
        text = "Write it down: it is shown this once, and serves once."
        return RecoveryAnswer(ok=True, code="ok", text=text, recovery_secret=code)

    async def _use_code(self, request: UseRecoveryCode, sender: str) -> ActionResult:
        if why := passwords.weakness(request.new_password, request.login, passwords.least_length(sender)):
            return ActionResult(ok=False, code="weak_password", text=why)
        kept = self._store.fact(RECOVERY)

        async def look() -> tuple[User | None, bool]:
            user = self._store.user(request.login)
            is_right = await self._entrance.is_hash_of(_bare(request.recovery_secret), kept)
            return user, is_right and user is not None and has(user.role, Right.ADMINISTER)

        proof = await self._entrance.tried(Try(sender, request.login, request.origin, "recovery code"), look)
        if proof.user is None:
            return refused(proof)
        made = await self._entrance.hash_of(request.new_password)
        async with self._saving:
            user = self._store.user(request.login)
            if user is None or kept is None or self._store.fact(RECOVERY) != kept:  # used by another meanwhile
                return refused(proof)
            keys = msgspec.structs.replace(
                self._store.keys(user.login), password_hash=made, must_change=False, generation=new_generation()
            )
            user = msgspec.structs.replace(user, is_blocked=False)
            await self._store.save_user(user, None, f"recovery code ({sender})", keys)
            await self._store.set_facts({RECOVERY: None})
            await self._entrance.changed()
        self._note(user.login, "recovery code used", sender)
        return ActionResult(ok=True, code="ok", text="The password is changed; the recovery code serves no more.")

    def _note(self, source: str, operation: str, extra: str) -> None:
        self._bus.publish(
            SecurityNoted(type="UserChanged", source_type="user", source=source[:150], operation=operation, extra=extra)
        )


def _bare(code: str) -> str:
    """As it was printed, whatever its case and between its letters."""
    return "".join(letter for letter in code.upper() if letter.isalnum())[:100]
