"""TriggerMessage and ExtendedTriggerMessage: what is asked for is sent after the answer has left, also while Pending.

A connectorId counts where the message is about a connector (StatusNotification, MeterValues) and is ignored elsewhere.
Source: OCPP 1.6, 4.2, 5.17, 6.51; the extended one: security white paper, messages of ExtendedTriggerMessage, where
FirmwareStatusNotification means SignedFirmwareStatusNotification.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.messages import TakeSample
from chargepoint.records import Sample
from ocpp_client.backlog import STATION
from ocpp_client.frames import Payload
from ocpp_client.rpc import Reply, Rpc
from ocpp_client.store import Store
from ocpp_client.v16.configuration import Configuration
from ocpp_client.v16.core import REJECTED, Actions
from ocpp_client.v16.firmware import Firmware
from ocpp_client.v16.meter_values import TRIGGER, meter_value, meter_values
from ocpp_client.v16.registration import Registration
from ocpp_client.v16.status import StatusReporter

WILL_BE_SENT = {"status": "Accepted"}
NOT_IMPLEMENTED = Reply({"status": "NotImplemented"})

Trigger = Callable[[int | None], Awaitable[Reply]]
Renew = Callable[[], Awaitable[None]]


class RemoteTrigger:
    """Sends what is asked for, after the answer has left."""

    def __init__(
        self,
        *,
        bus: Bus,
        rpc: Rpc,
        store: Store,
        configuration: Configuration,
        registration: Registration,
        statuses: StatusReporter,
        firmware: Firmware,
        connectors: tuple[int, ...],
    ) -> None:
        self._bus = bus
        self._rpc = rpc
        self._store = store
        self._configuration = configuration
        self._registration = registration
        self._statuses = statuses
        self._connectors = connectors
        self.renew: Renew | None = None
        """Asks for a new certificate of this station (SignCertificate); None: nobody here can."""
        common: dict[str, Trigger] = {
            "BootNotification": self._boot,
            "Heartbeat": self._heartbeat,
            "StatusNotification": self._status,
            "MeterValues": self._meter_values,
        }
        self._plain = common | {
            "DiagnosticsStatusNotification": self._of("DiagnosticsStatusNotification", firmware.diagnostics_status),
            "FirmwareStatusNotification": self._of("FirmwareStatusNotification", firmware.update_status),
        }
        self._extended = common | {
            "FirmwareStatusNotification": self._of("SignedFirmwareStatusNotification", firmware.signed_update_status),
            "LogStatusNotification": self._of("LogStatusNotification", firmware.log_status),
            "SignChargePointCertificate": self._certificate,
        }

    def add_to(self, actions: Actions) -> None:
        actions.add("TriggerMessage", self.trigger)
        actions.add("ExtendedTriggerMessage", self.extended_trigger)

    async def trigger(self, payload: Payload) -> Reply:
        return await self._answer(self._plain, payload)

    async def extended_trigger(self, payload: Payload) -> Reply:
        return await self._answer(self._extended, payload)

    async def _answer(self, triggers: dict[str, Trigger], payload: Payload) -> Reply:
        what = triggers.get(payload["requestedMessage"])
        return NOT_IMPLEMENTED if what is None else await what(payload.get("connectorId"))

    def _of(self, action: str, tell: Callable[[], Payload]) -> Trigger:
        """A message that says how something is when it is sent."""

        async def send() -> None:
            await self._rpc.call(action, tell())

        async def trigger(_connector: int | None) -> Reply:
            return Reply(WILL_BE_SENT, then=send)

        return trigger

    def _is_known(self, connector: int | None) -> bool:
        return connector is None or connector == 0 or connector in self._connectors

    async def _boot(self, _connector: int | None) -> Reply:
        async def ask() -> None:
            self._registration.ask_boot()

        return Reply(WILL_BE_SENT, then=ask)

    async def _heartbeat(self, _connector: int | None) -> Reply:
        return Reply(WILL_BE_SENT, then=self._registration.heartbeat)

    async def _certificate(self, _connector: int | None) -> Reply:
        return NOT_IMPLEMENTED if self.renew is None else Reply(WILL_BE_SENT, then=self.renew)

    async def _status(self, connector: int | None) -> Reply:
        if not self._is_known(connector):
            return REJECTED
        return Reply(WILL_BE_SENT, then=lambda: self._statuses.tell_now(connector))

    async def _meter_values(self, connector: int | None) -> Reply:
        if not self._is_known(connector):
            return REJECTED
        samples = []
        for number in (0, *self._connectors) if connector is None else (connector,):  # 0 has none without a main meter
            sample = await self._take(number)
            if sample is not None:
                samples.append(sample)
        if not samples:
            return REJECTED
        return Reply(WILL_BE_SENT, then=lambda: self._tell(samples))

    async def _take(self, connector: int) -> Sample | None:
        measurands = self._configuration.words("MeterValuesSampledData")
        try:
            reply = await self._bus.call(STATION, TakeSample(connector=connector, measurands=measurands))
        except (Unavailable, CallFailed, TimeoutError):
            return None
        return reply.sample

    async def _tell(self, samples: list[Sample]) -> None:
        for sample in samples:
            known = self._store.transactions.get(sample.session_id)
            number = None if known is None or known.is_ended else known.transaction_id
            wanted = {TRIGGER: self._configuration.words("MeterValuesSampledData")}
            value = meter_value(sample, wanted)
            if value is not None:
                await self._rpc.call("MeterValues", meter_values(sample.connector, number, [value]))
