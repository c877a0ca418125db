"""What people ask of this service by hand: configuration keys, password, local list, certificates (web pages)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chargepoint.bus import Bus
from chargepoint.messages import (
    ActionResult,
    CertificateRequest,
    CertificateRow,
    CertificatesPage,
    ChangeKey,
    ChangeSettings,
    ForgetServer,
    InstallRoot,
    KeysPage,
    LocalListPage,
    LocalListRow,
    MakeCertificateRequest,
    OcppKey,
    ReadCertificates,
    ReadKeys,
    ReadLocalList,
    RemoveRoot,
    SetPassword,
    TakeCertificate,
)
from chargepoint.storage.database import CannotRecord
from ocpp_client.authorization_key import LEAST_TEXT, MOST_TEXT, key_of_file
from ocpp_client.certificate_words import Unfit
from ocpp_client.credentials import Credentials
from ocpp_client.kept import Kept
from ocpp_client.key_store import CENTRAL, MANUFACTURER, OUTGOING
from ocpp_client.late import Late
from ocpp_client.v16.certificate_renewal import Renewal
from ocpp_client.v16.certificates import Certificates
from ocpp_client.v16.configuration import Configuration
from ocpp_client.v16.key_kinds import Key, Number
from ocpp_client.v16.keys import BY_NAME, KEYS
from ocpp_client.v16.local_list import NO_LIST

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from ocpp_client import x509
else:
    x509 = Late("ocpp_client.x509")

MOST_ROWS = 200
_NOT_KEPT = ActionResult(ok=False, code="not_recorded", text="It cannot be kept: the disk does not take it.")


def _unfit(text: str) -> ActionResult:
    return ActionResult(ok=False, code="unfit", text=text[:300])


class Care:
    """Serves the calls of people. `note` writes the operation log, `security` the security journal."""

    def __init__(
        self,
        *,
        bus: Bus,
        kept: Kept,
        configuration: Configuration,
        credentials: Credentials,
        certificates: Certificates,
        renewal: Renewal,
        common_name: str,
        note: Callable[[str, int | None, str], None],
        security: Callable[[str, str], None],
    ) -> None:
        self._bus = bus
        self._kept = kept
        self._configuration = configuration
        self._credentials = credentials
        self._certificates = certificates
        self._renewal = renewal
        self._common_name = common_name
        self._note = note
        self._security = security
        bus.serve(ReadKeys, self.read_keys)
        bus.serve(ChangeKey, self.change_key)
        bus.serve(SetPassword, self.set_password)
        bus.serve(ForgetServer, self.forget)
        bus.serve(ReadLocalList, self.read_list)
        bus.serve(ReadCertificates, self.read_certificates)
        bus.serve(MakeCertificateRequest, self.make_request)
        bus.serve(TakeCertificate, self.take)
        bus.serve(InstallRoot, self.install)
        bus.serve(RemoveRoot, self.remove)

    # ----------------------------------------------------------------------------------------------------------- keys

    async def read_keys(self, _request: ReadKeys, _sender: str) -> KeysPage:
        return KeysPage(keys=tuple(self._row(key) for key in KEYS))

    def _row(self, key: Key) -> OcppKey:
        number = key if isinstance(key, Number) else None
        return OcppKey(
            name=key.name,
            value=None if key.writeonly else self._configuration.text(key.name),
            default=key.default,
            kind=key.type,
            description=key.description,
            effective="" if key.readonly else key.effective,
            is_readonly=key.readonly,
            is_writeonly=key.writeonly,
            at_least=None if number is None else number.at_least,
            at_most=None if number is None else number.at_most,
            unit="" if number is None else number.unit,
        )

    async def change_key(self, request: ChangeKey, sender: str) -> ActionResult:
        key, by = BY_NAME.get(request.name.lower()), request.by or sender
        if key is not None and request.before is not None and not key.writeonly:
            now = self._configuration.text(key.name)
            if now != request.before:
                text = f"{key.name} has been changed meanwhile, to {now!r}."
                return ActionResult(ok=False, code="changed", text=text, values={"value": now})

        async def save(values: dict[str, str | None]) -> None:
            await self._bus.call("hub", ChangeSettings(values=values, by=by))

        status = await self._configuration.change(request.name, request.value, save)
        self._note("ChangeConfiguration", None, f"{request.name[:50]} by {by}: {status}")
        codes = {"Accepted": "ok", "RebootRequired": "reboot_required", "NotSupported": "not_supported"}
        code = codes.get(status, "rejected")
        then = self._configuration.after(request.name, status)
        if then is not None:
            await then()
        return ActionResult(ok=code in ("ok", "reboot_required"), code=code, text=f"{request.name[:50]}: {status}")

    # ------------------------------------------------------------------------------------------------- the password

    async def set_password(self, request: SetPassword, sender: str) -> ActionResult:
        given = request.password
        if not LEAST_TEXT <= len(given) <= MOST_TEXT or not given.isascii() or not given.isprintable():
            text = f"A password has {LEAST_TEXT} to {MOST_TEXT} printable ASCII characters."
            return ActionResult(ok=False, code="bad_password", text=text)
        if not await self._credentials.use_key(key_of_file(given), is_by_hand=True):
            return _NOT_KEPT
        self._note("SetPassword", None, f"by {request.by or sender}")
        self._credentials.reconnect("its password was changed")
        return ActionResult(ok=True, code="ok", text="The password is kept; the link is made anew with it.")

    async def forget(self, request: ForgetServer, sender: str) -> ActionResult:
        if not await self._credentials.forget():
            return _NOT_KEPT
        self._note("ForgetServer", None, f"by {request.by or sender}")
        self._credentials.reconnect("what was known of the server was forgotten")
        return ActionResult(ok=True, code="ok", text="What was known of the central system is forgotten.")

    # ------------------------------------------------------------------------------------------------ the local list

    async def read_list(self, request: ReadLocalList, _sender: str) -> LocalListPage:
        local_list, search = self._kept.local_list, request.search.lower()
        tags = sorted(tag for tag in local_list.tags if search in tag)
        rows = []
        for tag in tags[: max(0, min(request.limit, MOST_ROWS))]:
            entry = local_list.get(tag)
            if entry is not None:
                rows.append(LocalListRow(tag, entry.status, entry.parent, entry.expires_at))
        is_used = self._configuration.flag("LocalAuthListEnabled")
        version = local_list.version if is_used else NO_LIST
        return LocalListPage(version=version, total=len(local_list), found=len(tags), rows=tuple(rows))

    # -------------------------------------------------------------------------------------------------- certificates

    async def read_certificates(self, _request: ReadCertificates, _sender: str) -> CertificatesPage:
        store = self._kept.key_store
        shown = store.own_pair()
        rows = []
        for pair in store.pairs():
            rows.append(_certificate("own" if pair is shown else "trial", pair.leaf))
            rows += [_certificate("chain", one) for one in pair.chain[1:]]
        rows += [
            _certificate("replaced_root" if root.use in OUTGOING else "root", root.certificate)
            for root in store.installed(CENTRAL)
        ]
        rows += [_certificate("maker_root", root.certificate) for root in store.installed(MANUFACTURER)]
        rows += [_certificate("file_root", one) for one in store.other_certificates()[:MOST_ROWS]]
        return CertificatesPage(
            rows=tuple(rows),
            is_asked=store.pending_key is not None,
            common_name=self._common_name,
            organisation=self._configuration.text("CpoName"),
            profile=self._credentials.profile,
        )

    async def make_request(self, request: MakeCertificateRequest, sender: str) -> CertificateRequest:
        organisation = self._configuration.text("CpoName")
        if request.is_sent:
            await self._renewal.renew()
            self._note("SignCertificate", None, f"asked for by {request.by or sender}")
            return CertificateRequest(ok=True, text="The central system is asked to sign it.")
        try:
            x509.check_names(self._common_name, organisation)
            private_key = await self._kept.key_store.begin()
            pem = x509.request_for(private_key, self._common_name, organisation)
        except Unfit as error:
            return CertificateRequest(ok=False, text=str(error))
        except CannotRecord:
            return CertificateRequest(ok=False, text=_NOT_KEPT.text)
        self._security("ReconfigurationOfSecurityParameters", f"certificate request by {request.by or sender}")
        return CertificateRequest(ok=True, pem=pem)

    async def take(self, request: TakeCertificate, sender: str) -> ActionResult:
        status, text = await self._certificates.take_by_hand(request.pem)
        self._note("CertificateSigned", None, f"{text}, by {request.by or sender}: {status}")
        return ActionResult(ok=True, code="ok", text=text) if status == "Accepted" else _unfit(text)

    async def install(self, request: InstallRoot, sender: str) -> ActionResult:
        use = MANUFACTURER if request.is_maker else CENTRAL
        status, text = await self._certificates.install_by_hand(use, request.pem)
        self._note("InstallCertificate", None, f"{use}, {text}, by {request.by or sender}: {status}")
        if status == "Failed":
            return _NOT_KEPT
        return ActionResult(ok=True, code="ok", text=text) if status == "Accepted" else _unfit(text)

    async def remove(self, request: RemoveRoot, sender: str) -> ActionResult:
        status, text = await self._certificates.delete_by_hand(request.fingerprint)
        self._note("DeleteCertificate", None, f"{text}, by {request.by or sender}: {status}")
        codes = {"Accepted": "ok", "NotFound": "unknown", "Failed": "needed"}
        return ActionResult(ok=status == "Accepted", code=codes[status], text=text)


def _certificate(use: str, certificate: Certificate) -> CertificateRow:
    return CertificateRow(
        use=use,
        subject=x509.name_of(certificate),
        issuer=certificate.issuer.rfc4514_string()[:100],
        number=x509.serial_number(certificate),
        begins_at=certificate.not_valid_before_utc,
        ends_at=certificate.not_valid_after_utc,
        fingerprint=x509.fingerprint(certificate),
        key=x509.key_words(certificate),
    )
