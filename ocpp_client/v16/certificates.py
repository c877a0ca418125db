"""Certificates by OCPP: roots installed, deleted and listed, and the station's own one that was asked for.

InstallCertificate answers Rejected for what is no good root and for more than CertificateStoreMaxLength, Failed when it
cannot be kept. Nothing takes away the root that the present link hangs on (S7).
Source: OCA, Improved security for OCPP 1.6-J, edition 4, A02, M03 to M05 and the messages of chapter 5.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

from chargepoint.storage.database import CannotRecord
from ocpp_client.certificate_words import HashData, Unfit, Wanted
from ocpp_client.frames import Payload
from ocpp_client.key_store import CENTRAL, MANUFACTURER, KeyStore, NotPending, Root
from ocpp_client.late import Late
from ocpp_client.rpc import Reply
from ocpp_client.v16.certificate_renewal import Renewal
from ocpp_client.v16.configuration import Configuration

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from ocpp_client import x509
    from ocpp_client.v16.core import Actions
else:
    x509 = Late("ocpp_client.x509")

log = logging.getLogger(__name__)

ALGORITHM = "SHA256"
"""Of the hash data we tell. What a server names is compared in whichever of the three it uses."""
TLS_PROFILE = 2


class Certificates:
    """The requests about certificates; `renewal` asks for the station's own.

    `any_issuer`: the station's certificate need not end at a known root (compatibility switch).
    """

    def __init__(
        self,
        *,
        key_store: KeyStore,
        renewal: Renewal,
        configuration: Configuration,
        common_name: str,
        note: Callable[[str, int | None, str], None],
        security: Callable[[str, str], None],
        any_issuer: bool = False,
    ) -> None:
        self._store = key_store
        self._renewal = renewal
        self._configuration = configuration
        self._common_name = common_name
        self._note = note
        self._security = security
        self._any_issuer = any_issuer

    def add_to(self, actions: Actions) -> None:
        actions.add("CertificateSigned", self.signed)
        actions.add("DeleteCertificate", self.delete)
        actions.add("GetInstalledCertificateIds", self.installed)
        actions.add("InstallCertificate", self.install)

    async def renew(self) -> None:
        """Ask for a new certificate of this station (ExtendedTriggerMessage SignChargePointCertificate)."""
        await self._renewal.renew()

    @property
    def _profile(self) -> int:
        return self._configuration.number("SecurityProfile")

    # ------------------------------------------------------------------------------------------------------ by hand

    async def install_by_hand(self, use: str, text: str) -> tuple[str, str]:
        """As InstallCertificate: its status, and why in words."""
        return await self._install(use, text)

    async def delete_by_hand(self, fingerprint: str) -> tuple[str, str]:
        """As DeleteCertificate, of the installed root with this fingerprint."""
        for use in (CENTRAL, MANUFACTURER):
            for root in self._store.installed(use):
                if x509.fingerprint(root.certificate) == fingerprint:
                    return await self._delete(root.hash_data())
        return "NotFound", "not installed"

    async def take_by_hand(self, text: str) -> tuple[str, str]:
        """As CertificateSigned; what is new is used at once."""
        status, words, is_new = await self._taken(text)
        if is_new:
            await self._use()
        return status, words

    # --------------------------------------------------------------------------------------------------------- roots

    async def install(self, payload: Payload) -> Reply:
        use = payload["certificateType"]
        status, text = await self._install(use, payload["certificate"])
        self._note("InstallCertificate", None, f"{use}, {text}: {status}")
        return Reply({"status": status})

    async def _install(self, use: str, text: str) -> tuple[str, str]:
        store = self._store
        try:
            certificate, issuer = x509.check_root(text, store.now(), self._known(use))
            if any(root.certificate == certificate and root.use == use for root in store.installed(use)):
                return "Accepted", f"{x509.name_of(certificate)} is installed already"
            replaces = self._replaced_by(certificate) if use == CENTRAL else ()
        except Unfit as error:
            if use == CENTRAL:
                self._security("InvalidCentralSystemCertificate", str(error))
            return "Rejected", str(error)
        most = self._configuration.number("CertificateStoreMaxLength")
        if len(store) - len(replaces) >= most:
            return "Rejected", f"there are {len(store)} roots, at most {most} are kept (CertificateStoreMaxLength)"
        try:
            await store.install(use, Root(use, certificate, issuer), replaces)
        except CannotRecord as error:
            log.error("a root certificate could not be kept: %s", error)
            return "Failed", "it cannot be kept"
        self._security("ReconfigurationOfSecurityParameters", f"{use} {x509.name_of(certificate)} installed")
        return "Accepted", f"{x509.name_of(certificate)}, number {x509.serial_number(certificate)}"

    def _known(self, use: str) -> tuple[Certificate, ...]:
        installed = tuple(root.certificate for root in self._store.installed(use))
        return (*installed, *self._store.other_certificates()) if use == CENTRAL else installed

    def _replaced_by(self, certificate: Certificate) -> tuple[Root, ...]:
        """The roots that a new one replaces: none, or with AdditionalRootCertificateCheck all. Raises Unfit."""
        if not self._configuration.flag("AdditionalRootCertificateCheck"):
            return ()
        present = self._store.present_roots()
        before = tuple(root.certificate for root in present) or self._store.other_certificates()
        if before and not any(x509.is_signed_by(certificate, one) for one in before):
            raise Unfit(f"{x509.name_of(certificate)}: not signed by the present root (AdditionalRootCertificateCheck)")
        return present

    async def delete(self, payload: Payload) -> Reply:
        wanted = HashData.read(payload["certificateHashData"])
        status, text = await self._delete(wanted)
        self._note("DeleteCertificate", None, f"number {wanted.serial_number[:40]}, {text}: {status}")
        return Reply({"status": status})

    async def _delete(self, wanted: HashData) -> tuple[str, str]:
        roots = self._store.named(wanted)
        if not roots:
            return "NotFound", "not installed"
        name = x509.name_of(roots[0].certificate)
        if self._store.is_needed(roots, has_tls=self._profile >= TLS_PROFILE):
            return "Failed", f"{name} vouches for the central system; without it there would be no link"
        try:
            await self._store.remove(roots)
        except CannotRecord as error:
            log.error("a root certificate could not be deleted: %s", error)
            return "Failed", "that cannot be kept"
        self._security("ReconfigurationOfSecurityParameters", f"{roots[0].use} {name} deleted")
        return "Accepted", name

    async def installed(self, payload: Payload) -> Reply:
        found = self._store.installed(payload["certificateType"])
        if not found:
            return Reply({"status": "NotFound"})
        rows = [msgspec.to_builtins(root.hash_data(ALGORITHM)) for root in found]
        return Reply({"status": "Accepted", "certificateHashData": rows})

    # ------------------------------------------------------------------------------------------- the station's own one

    async def signed(self, payload: Payload) -> Reply:
        """The certificate that was asked for: on record, on trial, and used with a new link once this is answered."""
        status, text, is_new = await self._taken(payload["certificateChain"])
        then: Callable[[], Awaitable[None]] | None = self._use if is_new else None
        self._note("CertificateSigned", None, f"{text}: {status}")
        return Reply({"status": status}, then=then)

    async def _taken(self, chain: str) -> tuple[str, str, bool]:
        """Status, words, and whether there is a new one to be used."""
        try:
            text, is_new = await self._take(chain)
        except (Unfit, NotPending) as error:
            self._security("InvalidChargePointCertificate", str(error))
            return "Rejected", str(error), False
        except CannotRecord as error:
            log.error("the own certificate could not be kept: %s", error)
            return "Rejected", "it cannot be kept", False
        if is_new:
            self._security("ReconfigurationOfSecurityParameters", f"own certificate: {text}")
        return "Accepted", text, is_new

    async def _take(self, text: str) -> tuple[str, bool]:
        """The certificate in words, and whether it is a new one. Raises Unfit, NotPending, CannotRecord."""
        store, most = self._store, self._configuration.number("CertificateSignedMaxChainSize")
        if len(text) > most:
            raise Unfit(f"the chain has {len(text)} characters, at most {most} (CertificateSignedMaxChainSize)")
        chain = x509.read_chain(text)
        words = f"{x509.name_of(chain[0])}, number {x509.serial_number(chain[0])}"
        if any(pair.chain == chain for pair in store.pairs()):
            return f"{words}, was here already", False
        private_key = store.pending_key
        if private_key is None:
            raise NotPending("no certificate was asked for")
        x509.check_own_chain(chain, self._wanted(x509.public_of(private_key)), store.now())
        await store.take("".join(x509.to_pem(one) for one in chain), private_key)
        self._renewal.taken()
        return words, True

    def _wanted(self, public_key: bytes) -> Wanted:
        roots = tuple(root.certificate for root in self._store.central_roots())
        return Wanted(
            common_name=self._common_name,
            organisation=self._configuration.text("CpoName"),
            key=public_key,
            roots=() if self._any_issuer else (*roots, *self._store.other_certificates()),
            helpers=tuple(one for pair in self._store.pairs() for one in pair.chain[1:]),
        )

    async def _use(self) -> None:
        self._renewal.use()
