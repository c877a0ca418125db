"""With what the next link is tried: security profile, address, key, certificate; what is on trial, what has worked.

New ones replace old ones only after they have worked, and a profile that has worked is never left for a lower one
(reliability.md S2, S6, S7). What the station file says is the least: the server may raise it, an edit may not lower it.
Source: OCA, Improved security for OCPP 1.6-J, edition 4, A00, A01, A05.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from chargepoint.config import OcppSettings
from chargepoint.storage.database import CannotRecord
from ocpp_client.authorization_key import key_of_file, read_key
from ocpp_client.facts import Facts
from ocpp_client.standing import (
    CERTIFICATE,
    PASSWORD,
    Standing,
    changed,
    first_profile,
    is_tls,
    of_scheme,
    read_standing,
)
from ocpp_client.tls import client_context
from ocpp_client.transport import CannotConnect, Stage, Way, address, authorization
from ocpp_client.watching import Watching

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

log = logging.getLogger(__name__)

FACT = "credentials"
TRIES = 3
"""So often each address is tried with what is on trial before the old one is used again."""

CERTIFICATE_REFUSED = frozenset({400, 401, 403, 495, 496})
"""So some servers refuse a station's certificate behind a TLS handshake that went well."""

ACCEPTED, REJECTED = "Accepted", "Rejected"
CHANGED = "ReconfigurationOfSecurityParameters"


class CertificateStore(Protocol):
    """Certificates of this station and of its central system; `key_store.py` keeps them."""

    on_change: Callable[[], None]
    other_roots: tuple[str, ...]
    link_chain: tuple[Certificate, ...]

    def roots(self) -> tuple[str, ...]: ...

    def own(self) -> tuple[bytes, str] | None: ...

    async def confirm(self, *, is_own_shown: bool = True) -> None: ...

    async def fall_back(self) -> None: ...


class Credentials:
    """See the top of this file. `first_key` is that of secrets.toml; `show` tells the profile in force to its key."""

    def __init__(
        self,
        *,
        settings: OcppSettings,
        identity: str,
        first_key: str,
        facts: Facts,
        certificates: CertificateStore,
        watching: Watching,
        allows_downgrade: Callable[[], bool],
        show: Callable[[int], None],
    ) -> None:
        self._settings = settings
        self._identity = identity
        self._first_key = key_of_file(first_key)
        self._facts = facts
        self._certificates = certificates
        self._watching = watching
        self._allows_downgrade = allows_downgrade
        self._show = show
        self._urls = tuple(url for url in (settings.url, settings.backup_url) if url)
        first = first_profile(settings, bool(self._first_key))
        self._standing = read_standing(facts.get(FACT)) or Standing(first, first)
        self._context: tuple[object, ssl.SSLContext] | None = None
        self._turn = 0
        self._not_before_s: dict[str, float] = {}
        """By address: the loop's time until which its server asked us to stay away."""
        self._key_turns: dict[str, int] = {}
        """By address: how often its server refused a key. Each address is asked with each key."""
        self._profile_failures = self._network_failures = 0
        self._asks_old = False
        """The network refuses a profile on trial: whether it lets the old one through is asked every other time."""
        self._certificate_failures: int | None = 0
        """Failures of certificates that were not yet proved by this process; None: they were."""
        self.reconnect: Callable[[str], None] = lambda why: None
        """Set by the link: end the connection there is and make one anew, at once."""
        certificates.on_change = self._certificates_changed
        certificates.other_roots = self._file_roots_if_readable()

    @property
    def profile(self) -> int:
        """The security profile that the next attempt uses."""
        trial = self._standing.trial
        return self._standing.profile if trial is None or self._asks_old else trial

    # ------------------------------------------------------------------------------------------------- the beginning

    async def begin(self) -> None:
        """Compare what is kept with what the station file says now."""
        standing = self._standing
        first = first_profile(self._settings, bool(self._first_key) or standing.is_key_by_hand)
        standing = self._with_file_profile(standing, first)
        digest = hashlib.sha256(self._first_key).hexdigest() if self._first_key else ""
        if digest and digest != standing.file_key:
            keys = (self._first_key, *self._proved(standing))
            standing = changed(standing, keys=keys, is_key_proved=False, file_key=digest)
        await self._keep_if_possible(standing)
        if self.profile in (1, PASSWORD) and not standing.keys:
            log.error(
                "security profile %d needs a password, and there is none: set ocpp_authorization_key in secrets.toml",
                self.profile,
            )
        self._show(self.profile)

    def _with_file_profile(self, standing: Standing, first: int) -> Standing:
        if standing.has_tls_worked and standing.profile < PASSWORD and not is_tls(self._settings.url):
            log.error("station.toml, [ocpp] url: TLS has worked and is never left again; wss:// is used. Write it so")
        if first == standing.file_profile:
            return standing
        is_allowed_step = (standing.worked, first) == (CERTIFICATE, PASSWORD) and self._allows_downgrade()
        if first < standing.worked and not is_allowed_step:
            text = (
                f"station.toml, [ocpp]: url and security_profile mean profile {first}, but profile {standing.worked} "
                "has worked, and a lower one is never used again; this is not followed. Write what worked"
            )
            log.error("%s", text)
            self._watching.security(CHANGED, f"refused: {text}")
            return standing
        log.info("link: security profile %d by the station file, %d before", first, standing.profile)
        worked = min(standing.worked, first)
        return changed(standing, profile=first, file_profile=first, trial=None, worked=worked)

    @staticmethod
    def _proved(standing: Standing) -> tuple[bytes, ...]:
        """The key to go back to: the one that worked, or the only one there is."""
        if not standing.keys:
            return ()
        return standing.keys[:1] if standing.is_key_proved or len(standing.keys) == 1 else standing.keys[1:2]

    # ------------------------------------------------------------------------------------------------------ attempts

    def next_way(self) -> Way:
        """How the next attempt is made. Raises CannotConnect when certificates cannot be read."""
        profile = self.profile
        url = address(self._address(), self._identity)
        key = self._key()
        user = self._settings.basic_auth_user or self._identity
        try:
            context = self._tls(profile) if is_tls(url) else None
        except ValueError as error:
            raise CannotConnect(f"no link can be tried: {error}", stage=Stage.OWN) from None
        return Way(
            url=url,
            headers=authorization(user, key) if profile in (1, PASSWORD) else {},
            tls=context,
            proxy=self._settings.proxy,
            profile=profile,
            needs_subprotocol=not self._settings.compatibility.accept_no_subprotocol,
        )

    def _addresses(self, profile: int) -> tuple[str, ...]:
        has_tls = profile >= PASSWORD or self._standing.has_tls_worked or is_tls(self._settings.url)
        return of_scheme(self._urls, has_tls)

    def _address(self) -> str:
        """The one that is due."""
        urls = self._addresses(self.profile)
        return urls[self._turn % len(urls)]

    def _next_address(self, retry_after_s: float | None) -> float | None:
        """Go on to the address that may be tried first; the seconds until then, None without a wait."""
        now_s = asyncio.get_running_loop().time()
        self._not_before_s = {url: until_s for url, until_s in self._not_before_s.items() if until_s > now_s}
        if retry_after_s is not None:
            self._not_before_s[self._address()] = now_s + retry_after_s
        self._turn = self._soonest(self._turn + 1)
        until_s = self._not_before_s.get(self._address())
        return None if until_s is None else until_s - now_s

    def _soonest(self, first: int) -> int:
        """Of the turns from `first` on the first whose address does not want us to stay away, or not for as long."""
        now_s, urls = asyncio.get_running_loop().time(), self._addresses(self.profile)
        turns = range(first, first + len(urls))
        return min(turns, key=lambda turn: max(now_s, self._not_before_s.get(urls[turn % len(urls)], 0.0)))

    def _key(self) -> bytes:
        keys = self._standing.keys
        return keys[self._key_turns.get(self._address(), 0) % len(keys)] if keys else b""

    def _tls(self, profile: int) -> ssl.SSLContext:
        roots = self.roots()
        own = self._certificates.own() if profile == CERTIFICATE else None
        if self._context is None or self._context[0] != (roots, own):
            self._context = ((roots, own), client_context(roots, own))
        return self._context[1]

    def roots(self) -> tuple[str, ...]:
        """Those of `ca_file` and those installed. Raises ValueError when the file cannot be read."""
        return (*self._file_roots(), *self._certificates.roots())

    def _file_roots(self) -> tuple[str, ...]:
        path = self._settings.ca_file
        try:
            return (Path(path).read_text(encoding="ascii"),) if path else ()
        except (OSError, UnicodeError) as error:
            raise ValueError(f"ca_file {path}: {error}") from None

    def _file_roots_if_readable(self) -> tuple[str, ...]:
        try:
            return self._file_roots()
        except ValueError as error:
            log.error("%s", error)
            return ()

    async def opened(self, way: Way, chain: tuple[Certificate, ...]) -> None:
        """A link was made: what was on trial has worked. `chain` is the server's as it was verified."""
        self._certificates.link_chain = chain
        standing = self._standing
        changes: dict[str, object] = self._key_worked() if way.headers else {}
        asked_old, self._asks_old = self._asks_old, False
        self._turn = self._profile_failures = self._network_failures = 0
        if asked_old and standing.trial is not None:
            changes |= self._given_up("the network lets only the one before through")
        elif standing.trial == way.profile:
            log.warning("link: security profile %d works, and stays", way.profile)
            changes |= {"trial": None, "profile": way.profile, "worked": way.profile}
        elif way.profile > standing.worked:
            changes["worked"] = way.profile
        if way.tls is not None and not standing.has_tls_worked:
            changes["has_tls_worked"] = True
        if changes:
            await self._keep_if_possible(changed(standing, **changes))
            self._show(self.profile)
        if way.tls is not None:
            self._certificate_failures = None
            try:
                await self._certificates.confirm(is_own_shown=way.profile == CERTIFICATE)
            except CannotRecord as error:
                log.error("that the new certificates work cannot be recorded: %s", error)

    def ended(self) -> None:
        """The link is gone: the next one begins with the first address."""
        self._turn = self._soonest(0)
        self._certificates.link_chain = ()

    def _key_worked(self) -> dict[str, object]:
        standing = self._standing
        used = self._key_turns.get(self._address(), 0) % len(standing.keys)
        self._key_turns.clear()
        if used:
            log.error("link: the central system refuses the new AuthorizationKey and takes the one before")
            return {"keys": (standing.keys[1], standing.keys[0]), "is_key_proved": True}
        if standing.is_key_proved and len(standing.keys) == 1:
            return {}
        return {"is_key_proved": True} if standing.is_key_proved else {"keys": standing.keys[:1], "is_key_proved": True}

    async def failed(self, error: CannotConnect) -> float | None:
        """An attempt failed: the next address is due, another key, or what was on trial did not work.

        Gives the seconds that Retry-After asks for: those of the address that may be tried first.
        """
        if error.status in (401, 403):
            self._key_turns[self._address()] = self._key_turns.get(self._address(), 0) + 1
        wait_s = self._next_address(error.retry_after_s)
        tries = TRIES * len(self._addresses(self.profile))
        is_own_refused = self.profile == CERTIFICATE and error.status in CERTIFICATE_REFUSED
        if (error.is_of_certificates or is_own_refused) and self._certificate_failures is not None:
            self._certificate_failures += 1
            if self._certificate_failures >= tries:
                self._certificate_failures = None
                await self._certificates.fall_back()
        if self._standing.trial is not None:
            await self._trial_failed(error, tries)
        return wait_s

    async def _trial_failed(self, error: CannotConnect, tries: int) -> None:
        """An attempt failed while a profile is on trial: no failure of it while there is no network at all."""
        if error.stage is Stage.NETWORK:
            self._network_failures += 1
            self._asks_old = self._network_failures >= tries and not self._asks_old
        elif self._asks_old:
            self._asks_old = False
        else:
            self._profile_failures += 1
            if self._profile_failures >= tries:
                self._turn = 0
                await self._keep_if_possible(changed(self._standing, **self._given_up(str(error))))
                self._show(self.profile)

    def _given_up(self, why: str) -> dict[str, object]:
        """The profile on trial did not work: what changes by that."""
        standing = self._standing
        self._profile_failures = self._network_failures = 0
        text = f"security profile {standing.trial} does not connect ({why}); profile {standing.profile} is used again"
        log.error("link: %s", text)
        self._watching.security(CHANGED, text)
        return {"trial": None}

    def _certificates_changed(self) -> None:
        self._certificate_failures = 0
        self.reconnect("certificates were changed")

    # ----------------------------------------------------------------------------------------- what the server orders

    async def change_key(self, value: str) -> str:
        """ChangeConfiguration of AuthorizationKey; durable when it is Accepted."""
        key = read_key(value, self._settings.compatibility.text_authorization_key)
        if key is None:
            log.warning("the AuthorizationKey from the central system is none: 32 to 40 hexadecimal digits are wanted")
            return REJECTED
        return ACCEPTED if await self.use_key(key) else REJECTED

    async def use_key(self, key: bytes, *, is_by_hand: bool = False) -> bool:
        """A new key, durable when this is true; the one that has worked is asked with when it is refused.

        `is_by_hand`: a person gave it, so that it is shown from now on where the station file names no profile.
        """
        standing = changed(self._standing, is_key_by_hand=is_by_hand or self._standing.is_key_by_hand)
        if (key,) != standing.keys:
            old = tuple(one for one in self._proved(standing) if one != key)
            standing = changed(standing, keys=(key, *old), is_key_proved=False)
        if not await self._keep(standing):
            return False
        self._key_turns.clear()
        self._watching.security(CHANGED, "AuthorizationKey")
        if is_by_hand:
            await self.begin()
        return True

    async def forget(self) -> bool:
        """As if no central system had been known: only the station's files hold. Durable when this is true."""
        first = first_profile(self._settings, bool(self._first_key))
        if not await self._keep(Standing(first, first)):
            return False
        self._key_turns.clear()
        self._profile_failures = self._network_failures = 0
        self._asks_old = False
        self._watching.security(CHANGED, "keys and security profile forgotten")
        await self.begin()
        return True

    async def change_profile(self, value: str) -> str:
        """ChangeConfiguration of SecurityProfile; durable when it is Accepted."""
        wanted, standing = int(value), self._standing
        if wanted == standing.profile and standing.trial is None:
            return ACCEPTED
        fault = self._why_not(wanted)
        if fault:
            log.warning("SecurityProfile %d from the central system is rejected: %s", wanted, fault)
            self._watching.security(CHANGED, f"refused: SecurityProfile {standing.profile} to {wanted}: {fault}")
            return REJECTED
        if not await self._keep(changed(standing, trial=None if wanted == standing.profile else wanted)):
            return REJECTED
        self._profile_failures = self._network_failures = 0
        self._watching.security(CHANGED, f"SecurityProfile {standing.profile} to {wanted}")
        self._show(self.profile)
        return ACCEPTED

    def _why_not(self, wanted: int) -> str:
        standing = self._standing
        if wanted < standing.profile:
            if (standing.profile, wanted) != (CERTIFICATE, PASSWORD):
                return "a profile is never lowered"
            if not self._allows_downgrade():
                return "AllowSecurityProfileDowngrade is false"
        if wanted in (1, PASSWORD) and not standing.keys:
            return "there is no AuthorizationKey"
        if wanted >= PASSWORD and standing.worked < PASSWORD and not self._has_roots():
            return "no root certificate of the central system is installed"
        if wanted == CERTIFICATE and self._certificates.own() is None:
            return "this station has no certificate of its own"
        return ""

    def _has_roots(self) -> bool:
        return bool(self._file_roots_if_readable() or self._certificates.roots())

    async def reconnect_afterwards(self) -> None:
        """After an Accepted has left."""
        self.reconnect("its credentials were changed")

    # -------------------------------------------------------------------------------------------------------- keeping

    async def _keep(self, standing: Standing) -> bool:
        if standing != self._standing or self._facts.get(FACT) is None:
            try:
                await self._facts.keep(FACT, msgspec.json.encode(standing))
            except CannotRecord as error:
                log.error("credentials cannot be recorded: %s", error)
                return False
        self._standing = standing
        return True

    async def _keep_if_possible(self, standing: Standing) -> None:
        """It holds in memory at least, and is recorded with the next change."""
        if not await self._keep(standing):
            self._standing = standing
