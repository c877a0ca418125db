"""Roots that may vouch for the central system, and the keys and certificates of this station; all of it in ocpp.db.

A private key is made here and never leaves this file and the TLS library. Each step is one durable transaction, and
after each of them there is a set that works: a new pair stands beside the old one until a link was made with it.

    pending   a key whose certificate has been asked for
    trial     key and certificate that have come and have not yet worked
    own       key and certificate that have worked

Source: OCA, Improved security for OCPP 1.6-J, edition 4, A02, M03 to M05; reliability.md S3, S6, S7.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from chargepoint.clock import Clock
from chargepoint.storage.database import CannotRecord, Database, Statement
from ocpp_client.certificate_words import HashData, Instant, Unfit
from ocpp_client.late import Late

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from ocpp_client import x509
else:
    x509 = Late("ocpp_client.x509")

log = logging.getLogger(__name__)

CENTRAL, MANUFACTURER = "CentralSystemRootCertificate", "ManufacturerRootCertificate"
REPLACED = "ReplacedRootCertificate"
"""A root of the central system that its successor replaces: believed until a link was made with the successor."""
HELD = "HeldRootCertificate"
"""The system's root that vouched for the link when the first one was installed; believed as long as a replaced one."""
OUTGOING = (REPLACED, HELD)
PENDING, TRIAL, OWN = "pending", "trial", "own"
FILE_MODE = 0o600

ADD_ROOT = "INSERT OR REPLACE INTO certificates (fingerprint, use, pem, installed_s) VALUES (?, ?, ?, ?)"
DROP_ROOT = "DELETE FROM certificates WHERE fingerprint = ?"
KEEP_PAIR = "INSERT OR REPLACE INTO key_pairs (name, private_key, chain) VALUES (?, ?, ?)"
DROP_PAIR = "DELETE FROM key_pairs WHERE name = ?"


@dataclass(frozen=True)
class Root:
    """An installed root. `issuer` is itself, except for one that was signed by the root it replaces."""

    use: str
    certificate: Certificate
    issuer: Certificate

    @property
    def key(self) -> str:
        """In the table: the same certificate may be installed once for each use."""
        return f"{'maker' if self.use == MANUFACTURER else 'central'}:{x509.fingerprint(self.certificate)}"

    @property
    def pem(self) -> str:
        return x509.to_pem(self.certificate)

    def hash_data(self, algorithm: str = "SHA256") -> HashData:
        return x509.hash_data(self.certificate, self.issuer, algorithm)

    def row(self, at: datetime) -> Statement:
        """Writes it, with its issuer behind it where that is another."""
        pem = self.pem if self.issuer == self.certificate else self.pem + x509.to_pem(self.issuer)
        return ADD_ROOT, (self.key, self.use, pem, at.timestamp())


@dataclass(frozen=True)
class Pair:
    """A private key and what belongs to it. Shows no key."""

    private_key: bytes = field(repr=False)
    chain_pem: str = field(default="", repr=False)
    chain: tuple[Certificate, ...] = ()

    @classmethod
    def read(cls, private_key: bytes, chain_pem: str) -> Pair:
        """Raises Unfit when they cannot be read or do not belong together."""
        public = x509.public_of(private_key)
        chain = x509.read_chain(chain_pem) if chain_pem else ()
        if chain and x509.public_bytes(chain[0].public_key()) != public:
            raise Unfit("the private key is not that of the (first) certificate")
        return cls(private_key, chain_pem, chain)

    @property
    def leaf(self) -> Certificate:
        return self.chain[0]


class NotPending(Exception):
    """There is no key that waits for a certificate."""


class KeyStore:
    """The tables `certificates` and `key_pairs`, held in memory. Everything that changes them raises CannotRecord."""

    def __init__(self, database: Database, clock: Clock, roots: Sequence[Root], pairs: dict[str, Pair]) -> None:
        self._database = database
        self._clock = clock
        self._roots = tuple(roots)
        self._pairs = pairs
        self._changing = asyncio.Lock()
        self._first: Pair | None = None
        self.on_change: Callable[[], None] = lambda: None
        """The own pair changed: make the link again with it. A change of roots needs no new link; `roots()` is asked
        at each connection."""
        self.link_chain: tuple[Certificate, ...] = ()
        """The chain by which the present link was verified (`tls.chain_of`); () without a link or TLS. Set by the
        link; tells which root must not be taken away."""
        self.other_roots: tuple[str, ...] = ()
        """PEM texts of roots that are believed beside the installed ones (`ca_file`). Set by the link."""

    @classmethod
    async def load(cls, database: Database, clock: Clock) -> KeyStore:
        """What is on record. A row that cannot be read is logged and left alone: the others still work."""
        _close_file(database)
        roots, pairs = [], {}
        for fingerprint, use, pem in await database.read(
            "SELECT fingerprint, use, pem FROM certificates ORDER BY rowid"
        ):
            try:
                certificate, *issuer = x509.read_chain(str(pem))
                roots.append(Root(use, certificate, issuer[0] if issuer else certificate))
            except Unfit as error:
                log.error("ocpp.db, root certificate %s: %s; it is not used", str(fingerprint)[:20], error)
        for name, private_key, chain in await database.read("SELECT name, private_key, chain FROM key_pairs"):
            try:
                pairs[name] = pair = Pair.read(
                    private_key if isinstance(private_key, bytes) else str(private_key).encode(), str(chain)
                )
                if name != PENDING and not pair.chain:
                    del pairs[name]
                    raise Unfit("it has no certificate")
            except Unfit as error:
                log.error("ocpp.db, key pair %r: %s; it is not used", name, error)
        return cls(database, clock, roots, pairs)

    def now(self) -> Instant:
        clock = self._clock
        return Instant(clock.now(), True) if clock.is_set else Instant(clock.floor, False)

    # -------------------------------------------------------------------------------------------------------- reading

    def roots(self) -> tuple[str, ...]:
        """PEM of the installed roots that may vouch for the central system; each is an anchor by itself.

        Those of the manufacturer are not among them (S3).
        """
        return tuple(root.pem for root in self.central_roots())

    def central_roots(self) -> tuple[Root, ...]:
        """With those that are being replaced."""
        return tuple(root for root in self._roots if root.use in (CENTRAL, *OUTGOING))

    def present_roots(self) -> tuple[Root, ...]:
        """Of the central system, without those that are being replaced."""
        return tuple(root for root in self._roots if root.use == CENTRAL)

    def other_certificates(self) -> tuple[Certificate, ...]:
        """`other_roots`, as far as they can be read."""
        return tuple(one for text in self.other_roots for one in _readable(text))

    def installed(self, use: str) -> tuple[Root, ...]:
        """`use` is CENTRAL or MANUFACTURER."""
        return self.central_roots() if use == CENTRAL else tuple(root for root in self._roots if root.use == use)

    def manufacturer_roots(self) -> tuple[str, ...]:
        """PEM of the roots that may vouch for new software."""
        return tuple(root.pem for root in self.installed(MANUFACTURER))

    def __len__(self) -> int:
        """Installed roots that count for CertificateStoreMaxLength."""
        return sum(root.use not in OUTGOING for root in self._roots)

    def own(self) -> tuple[bytes, str] | None:
        """Private key and chain (PEM) that this station shows now; None without a certificate.

        The newest one whose lifetime has begun. Never log what this gives.
        """
        pair = self.own_pair()
        return None if pair is None else (pair.private_key, pair.chain_pem)

    def own_pair(self) -> Pair | None:
        trial, older = self._pairs.get(TRIAL), self._older()
        if trial is None or older is None:
            return trial or older
        return trial if trial.leaf.not_valid_before_utc <= self.now().at else older

    def _older(self) -> Pair | None:
        """The pair that has worked; that of the station's files before there is one, and after it ran out."""
        own, first = self._pairs.get(OWN), self._first
        if own is None or first is None:
            return own or first
        return first if own.leaf.not_valid_after_utc < self.now().at < first.leaf.not_valid_after_utc else own

    def own_leaf(self) -> Certificate | None:
        """The certificate that this station shows now."""
        pair = self.own_pair()
        return None if pair is None else pair.leaf

    @property
    def is_on_trial(self) -> bool:
        """Whether the pair that is used now has yet to work."""
        trial = self._pairs.get(TRIAL)
        return trial is not None and self.own_pair() is trial

    @property
    def begins_later(self) -> datetime | None:
        """When the pair on trial may be used, while that is to come."""
        trial = self._pairs.get(TRIAL)
        return None if trial is None or self.own_pair() is trial else trial.leaf.not_valid_before_utc

    @property
    def pending_key(self) -> bytes | None:
        """The private key (PEM) that waits for its certificate. Never log what this gives."""
        pending = self._pairs.get(PENDING)
        return None if pending is None else pending.private_key

    def pairs(self) -> tuple[Pair, ...]:
        """Every pair with a certificate: on trial, own, first."""
        found = (self._pairs.get(TRIAL), self._pairs.get(OWN), self._first)
        return tuple(pair for pair in found if pair is not None and pair.chain)

    def use_first(self, private_key: bytes, chain_pem: str) -> None:
        """The pair of secrets.toml, used while none has come by OCPP. Raises Unfit."""
        pair = Pair.read(private_key, chain_pem)
        if not pair.chain:
            raise Unfit("the certificate is missing")
        self._first = pair

    # -------------------------------------------------------------------------------------------------- the own pair

    async def begin(self) -> bytes:
        """A fresh key that waits for its certificate; the one that waited before is forgotten."""
        private_key = x509.new_private_key()
        async with self._changing:
            await self._database.write([(KEEP_PAIR, (PENDING, private_key, ""))])
            self._pairs[PENDING] = Pair(private_key)
        return private_key

    async def give_up(self) -> None:
        """No certificate will come for the key that waits."""
        async with self._changing:
            await self._database.write([(DROP_PAIR, (PENDING,))])
            self._pairs.pop(PENDING, None)

    async def take(self, chain_pem: str, private_key: bytes) -> None:
        """The certificate for the pending key has come and was judged: it is on trial. Raises NotPending, Unfit."""
        pair = Pair.read(private_key, chain_pem)
        async with self._changing:
            if self.pending_key != private_key:
                raise NotPending("no certificate was asked for")
            await self._database.write(
                [(KEEP_PAIR, (TRIAL, pair.private_key, pair.chain_pem)), (DROP_PAIR, (PENDING,))]
            )
            self._pairs[TRIAL] = pair
            del self._pairs[PENDING]
        log.info("own certificate: a new one, number %s, is on trial", x509.serial_number(pair.leaf))

    async def confirm(self, *, is_own_shown: bool = True) -> None:
        """A link was made: the pair before, and roots whose successor vouches for this link, go. Idempotent.

        `is_own_shown`: this station has shown its own certificate (security profile 3).
        """
        async with self._changing:
            statements: list[Statement] = []
            trial = self._pairs.get(TRIAL) if is_own_shown and self.is_on_trial else None
            if trial is not None:
                statements += [(KEEP_PAIR, (OWN, trial.private_key, trial.chain_pem)), (DROP_PAIR, (TRIAL,))]
            replaced = (
                [root for root in self._roots if root.use in OUTGOING] if self._vouches(self.present_roots()) else []
            )
            statements += [(DROP_ROOT, (root.key,)) for root in replaced]
            if not statements:
                return
            await self._database.write(statements)
            self._roots = tuple(root for root in self._roots if root not in replaced)
            if trial is not None:
                self._pairs[OWN] = self._pairs.pop(TRIAL)
                log.info("own certificate: number %s has worked", x509.serial_number(trial.leaf))
            for root in replaced:
                log.info("root certificate %s: its successor has worked; it is gone", x509.name_of(root.certificate))

    async def fall_back(self) -> None:
        """No link can be made with the pair on trial: the one before is used again."""
        async with self._changing:
            if not self.is_on_trial or self._older() is None:
                return
            await self._database.write([(DROP_PAIR, (TRIAL,))])
            gone = self._pairs.pop(TRIAL)
        log.warning("own certificate: number %s did not work; the one before is used", x509.serial_number(gone.leaf))

    # --------------------------------------------------------------------------------------------------------- roots

    async def install(self, use: str, root: Root, replaces: Sequence[Root] = ()) -> None:
        """Add a root that was judged. `replaces` stay believed until a link was made with the new one."""
        async with self._changing:
            outgoing = [Root(REPLACED, old.certificate, old.issuer) for old in replaces]
            outgoing += self._held() if use == CENTRAL else ()
            gone = [old for old in self._roots if replaces and old.use == REPLACED and not self._vouches([old])]
            at = self._clock.now()
            await self._database.write(
                [
                    *((DROP_ROOT, (old.key,)) for old in gone),
                    *(old.row(at) for old in outgoing),
                    root.row(at),
                ]
            )
            fresh = {one.key for one in (*gone, *outgoing, root)}
            self._roots = (*(old for old in self._roots if old.key not in fresh), *outgoing, root)
        log.info("root certificate %s: installed as %s", x509.name_of(root.certificate), use)

    def _vouches(self, roots: Iterable[Root]) -> bool:
        """For the present link."""
        return x509.vouches([root.certificate for root in roots], self.link_chain)

    def _held(self) -> tuple[Root, ...]:
        """The system's root that the present link hangs on. With the first installed one the system's are left, and
        that must not cost the link (S7)."""
        if not self.link_chain or self.other_roots or self.central_roots():
            return ()
        anchor = self.link_chain[-1]
        return (Root(HELD, anchor, anchor),) if x509.is_signed_by(anchor, anchor) else ()

    def named(self, hash_data: HashData) -> tuple[Root, ...]:
        """The installed roots that this hash data is of."""
        return tuple(root for root in self._roots if root.hash_data(hash_data.hash_algorithm) == hash_data)

    def is_needed(self, roots: Sequence[Root], *, has_tls: bool) -> bool:
        """Whether without these no link could be made: they alone vouch for the present one, or nothing is left."""
        central = [root.certificate for root in self.central_roots() if root not in roots]
        if len(central) == len(self.central_roots()) or not (has_tls or self.link_chain):
            return False
        left = [*central, *self.other_certificates()]
        return not x509.vouches(left, self.link_chain) if self.link_chain else not left

    async def remove(self, roots: Sequence[Root]) -> None:
        """Delete installed roots. With the last successor gone, what it was to replace is in force again."""
        async with self._changing:
            left = [root for root in self._roots if root not in roots]
            back: list[Root] = []
            held: list[Root] = []
            if not any(root.use == CENTRAL for root in left):
                back = [Root(CENTRAL, root.certificate, root.issuer) for root in left if root.use == REPLACED]
                held = [root for root in left if root.use == HELD]
            at = self._clock.now()
            await self._database.write(
                [*((DROP_ROOT, (root.key,)) for root in (*roots, *held)), *(root.row(at) for root in back)]
            )
            changed = {root.key for root in (*back, *held)}
            self._roots = (*(root for root in left if root.key not in changed), *back)
        for root in roots:
            log.info("root certificate %s: deleted", x509.name_of(root.certificate))


def _readable(text: str) -> tuple[Certificate, ...]:
    try:
        return x509.read_chain(text)
    except Unfit:
        return ()


def _close_file(database: Database) -> None:
    """Private keys stand in it, its log and what was set aside of it: nobody but their owner reads them (S6)."""
    for path in database.path.parent.glob(f"{database.path.name}*"):
        try:
            if path.stat().st_mode & 0o077:
                path.chmod(FILE_MODE)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise CannotRecord(f"{path} cannot be closed to others: {error}") from error
