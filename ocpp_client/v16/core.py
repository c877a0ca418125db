"""What the central system may ask of us: the Core profile. Each action is one short method.

Source: OCPP 1.6, section 5; 4.2 for what is allowed before we are registered.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.masking import mask
from chargepoint.messages import (
    ActionResult,
    ChangeAvailability,
    ChangeSettings,
    EndStation,
    Request,
    StartCharging,
    StopCharging,
    UnlockConnector,
)
from chargepoint.records import Credential
from chargepoint.vocabulary import CredentialType, StartSource, StopSource
from ocpp_client import schemas
from ocpp_client.backlog import STATION
from ocpp_client.frames import NOT_IMPLEMENTED, NOT_SUPPORTED, OCCURENCE_VIOLATION, Payload
from ocpp_client.rpc import CallFault, Handler, Reply
from ocpp_client.store import Store
from ocpp_client.v16 import data_transfer
from ocpp_client.v16.authorisation import Authorisation
from ocpp_client.v16.charging_profiles import NotAProfile, schedule_of_start
from ocpp_client.v16.configuration import Configuration
from ocpp_client.v16.prices import Prices

log = logging.getLogger(__name__)

BY = "ocpp"
UNLOCK_S = 60.0  # whoever stands there may be asked first, then the charge ends, then the lock opens
RESETS = {"Hard": (20, StopSource.OCPP_HARD_RESET), "Soft": (30, StopSource.OCPP_SOFT_RESET)}
"""Exit code of the whole station and why charges end."""

NOT_BEFORE_ACCEPTED = frozenset({"RemoteStartTransaction", "RemoteStopTransaction"})
REJECTED = Reply({"status": "Rejected"})
ACCEPTED = Reply({"status": "Accepted"})

Noting = Callable[[str, int | None, str], None]


class Registered(Protocol):
    """What the registration tells."""

    status: str


class Actions:
    """Finds the handler of an action; the router of `rpc`. Profiles add theirs with `add`."""

    def __init__(self, registration: Registered) -> None:
        self._registration = registration
        self._handlers: dict[str, tuple[Handler, bool]] = {}

    def add(self, action: str, handler: Handler, *, is_slow: bool = False) -> None:
        """`is_slow`: it may take long and must not hold up other requests."""
        self._handlers[action] = handler, is_slow

    @property
    def is_silent(self) -> bool:
        return self._registration.status == "Rejected"

    def handler(self, action: str) -> tuple[Handler, bool]:
        found = self._handlers.get(action)
        if found is None:
            if action in schemas.actions():
                raise CallFault(NOT_SUPPORTED, f"{action} is not supported by this station")
            raise CallFault(NOT_IMPLEMENTED, f"{action[:50]} is not known")
        if action in NOT_BEFORE_ACCEPTED and self._registration.status != "Accepted":
            return _rejected, False
        return found


async def _rejected(_payload: Payload) -> Reply:
    return REJECTED


class Core:
    """The Core profile's requests."""

    def __init__(
        self,
        *,
        bus: Bus,
        configuration: Configuration,
        authorisation: Authorisation,
        store: Store,
        note: Noting,
        remote_start_id_tag: str = "",
    ) -> None:
        """`remote_start_id_tag` stands for an empty idTag in RemoteStartTransaction (compatibility switch)."""
        self._remote_start_id_tag = remote_start_id_tag
        self._bus = bus
        self._configuration = configuration
        self._authorisation = authorisation
        self._store = store
        self._note = note
        self._prices = Prices(bus, store, self._ask)

    def add_to(self, actions: Actions) -> None:
        actions.add("ChangeAvailability", self.change_availability)
        actions.add("ChangeConfiguration", self.change_configuration)
        actions.add("ClearCache", self.clear_cache)
        actions.add("DataTransfer", self.data_transfer, is_slow=True)
        actions.add("GetConfiguration", self.get_configuration)
        actions.add("RemoteStartTransaction", self.remote_start)
        actions.add("RemoteStopTransaction", self.remote_stop)
        actions.add("Reset", self.reset)
        actions.add("UnlockConnector", self.unlock, is_slow=True)

    async def _ask(self, request: Request[ActionResult], timeout_s: float = 5.0) -> ActionResult:
        """The station's answer; one that does not come is a no."""
        try:
            return await self._bus.call(STATION, request, timeout_s)
        except (Unavailable, CallFailed, TimeoutError) as error:
            log.warning("%s: %s", type(request).__name__, error)
            return ActionResult(ok=False, code="unavailable", text=str(error))

    # --------------------------------------------------------------------------------------------------- charging

    async def remote_start(self, payload: Payload) -> Reply:
        connector, tag = payload.get("connectorId"), payload["idTag"] or self._remote_start_id_tag
        if (connector is not None and connector < 1) or not tag:
            return REJECTED
        try:
            schedule = schedule_of_start(payload.get("chargingProfile"))
        except NotAProfile as error:
            self._note("RemoteStartTransaction", connector, f"{mask(tag)}: chargingProfile refused: {error}")
            return REJECTED
        result = await self._ask(
            StartCharging(
                connector=connector,
                credential=Credential(tag, CredentialType.OCPP),
                source=StartSource.OCPP_REMOTE,
                is_authorized=not self._configuration.flag("AuthorizeRemoteTxRequests"),
                schedule=schedule,
                by=BY,
            )
        )
        self._note("RemoteStartTransaction", connector, f"{mask(tag)}: {_outcome(result)}")
        return ACCEPTED if result.ok else REJECTED

    async def remote_stop(self, payload: Payload) -> Reply:
        session_id = self._store.session_of(payload["transactionId"])
        if session_id is None:
            result = ActionResult(ok=False, code="unknown_transaction")
        else:
            result = await self._ask(StopCharging(session_id=session_id, source=StopSource.OCPP_REMOTE, by=BY))
        self._note("RemoteStopTransaction", None, f"transaction {payload['transactionId']}: {_outcome(result)}")
        return ACCEPTED if result.ok else REJECTED

    async def unlock(self, payload: Payload) -> Reply:
        connector = payload["connectorId"]
        result = await self._ask(UnlockConnector(connector=connector, by=BY), UNLOCK_S)
        self._note("UnlockConnector", connector, _outcome(result))
        if result.ok:
            return Reply({"status": "Unlocked"})
        is_unsupported = result.code in ("not_supported", "unknown_connector")
        return Reply({"status": "NotSupported" if is_unsupported else "UnlockFailed"})

    async def change_availability(self, payload: Payload) -> Reply:
        connector, is_operative = payload["connectorId"], payload["type"] == "Operative"
        if connector < 0:
            return REJECTED
        result = await self._ask(ChangeAvailability(connector=connector, operative=is_operative, by=BY))
        self._note("ChangeAvailability", connector or None, f"{payload['type']}: {_outcome(result)}")
        if not result.ok:
            return REJECTED
        return Reply({"status": "Scheduled"}) if result.code == "scheduled" else ACCEPTED

    # ---------------------------------------------------------------------------------------------- configuration

    async def get_configuration(self, payload: Payload) -> Reply:
        keys = payload.get("key") or []
        most = self._configuration.number("GetConfigurationMaxKeys")
        if len(keys) > most:
            raise CallFault(OCCURENCE_VIOLATION, f"{len(keys)} keys at once, at most {most} (GetConfigurationMaxKeys)")
        return Reply(self._configuration.report(keys))

    async def change_configuration(self, payload: Payload) -> Reply:
        key, value = payload["key"], payload["value"]
        status = await self._configuration.change(key, value, self._save)
        self._note("ChangeConfiguration", None, f"{key}: {status}")
        return Reply({"status": status}, then=self._configuration.after(key, status))

    async def _save(self, values: dict[str, str | None]) -> None:
        await self._bus.call("hub", ChangeSettings(values=values, by=BY))

    async def clear_cache(self, _payload: Payload) -> Reply:
        is_done = await self._authorisation.clear()
        self._note("ClearCache", None, "done" if is_done else "not done")
        return ACCEPTED if is_done else REJECTED

    # ---------------------------------------------------------------------------------------------------- the rest

    async def reset(self, payload: Payload) -> Reply:
        exit_code, source = RESETS[payload["type"]]
        self._note("Reset", None, payload["type"])

        async def end() -> None:
            result = await self._bus.call("hub", EndStation(exit_code=exit_code, stop_source=source, by=BY))
            log.info("Reset %s: %s", payload["type"], _outcome(result))

        return Reply({"status": "Accepted"}, then=end)

    async def data_transfer(self, payload: Payload) -> Reply:
        handlers = {**self._prices.handlers(), **data_transfer.installed()}
        reply = await data_transfer.answer(payload, handlers)
        self._note("DataTransfer", None, f"{payload['vendorId'][:50]}: {reply['status']}")
        return Reply(reply)


def _outcome(result: ActionResult) -> str:
    return result.code if not result.text else f"{result.code} ({result.text})"
