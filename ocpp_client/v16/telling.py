"""Tells one journal row or sample in the words of OCPP 1.6 and carries out what the answer means.

Source: OCPP 1.6, 4.8 (a begun transaction whose idTag proves invalid), 4.7, 4.10.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime

from chargepoint.bus import Bus, StateView
from chargepoint.clock import Clock
from chargepoint.masking import mask
from chargepoint.messages import (
    ConnectorState,
    NameTransaction,
    ReadSamples,
    ReadSessions,
    SetEnergyLimit,
    StopCharging,
)
from chargepoint.records import JournalRow, Moment, Sample, TransactionStarted, TransactionStopped
from chargepoint.vocabulary import ControllerStatus, SessionFlag, StopSource
from ocpp_client.backlog import SAMPLE_PAGE, STATION
from ocpp_client.errands import Errands
from ocpp_client.frames import Payload
from ocpp_client.row_time import RowTime
from ocpp_client.rpc import NoAnswer, Rpc, Unsendable
from ocpp_client.store import Store
from ocpp_client.store_rows import OpenTransaction
from ocpp_client.v16.authorisation import Authorisation
from ocpp_client.v16.configuration import Configuration
from ocpp_client.v16.meter_values import (
    ALIGNED,
    BEGIN,
    END,
    PERIODIC,
    RESUMED,
    TRIGGER,
    meter_value,
    meter_values,
)
from ocpp_client.v16.permission import remedy
from ocpp_client.v16.transactions import (
    WrongAnswer,
    end_of,
    id_tag_info,
    start_payload,
    stop_payload,
    transaction_data,
    transaction_id,
)

log = logging.getLogger(__name__)

MAX_DATA = 400
"""Most meter values in one StopTransaction; servers bound the size of a frame."""
MAX_SAMPLES = 20_000
KEPT_SAMPLES = 500

Told = Callable[[str, int | None, str], None]
"""Hears what was told: action, connector, a short text."""


class Teller:
    """See the top of this file."""

    def __init__(
        self,
        *,
        bus: Bus,
        clock: Clock,
        rpc: Rpc,
        store: Store,
        configuration: Configuration,
        authorisation: Authorisation,
        errands: Errands,
        connectors: StateView,
        told: Told,
        list_conflict: Callable[[str], None],
    ) -> None:
        """`list_conflict` hears of an idTag that the local list accepts and the central system refuses."""
        self._list_conflict = list_conflict
        self._bus = bus
        self._clock = clock
        self._rpc = rpc
        self._store = store
        self._configuration = configuration
        self._authorisation = authorisation
        self._errands = errands
        self._connectors = connectors
        self._told = told
        self._recent: deque[Sample] = deque(maxlen=KEPT_SAMPLES)
        self._times = RowTime(bus, clock)

    def name_open_transactions(self) -> None:
        """Tell the station again what it may have missed: the ids of the transactions that run, and which may not."""
        for session_id, known in self._store.transactions.items():
            if not known.is_ended and session_id > 0:
                named = NameTransaction(session_id=session_id, transaction_id=known.transaction_id)
                self._errands.ask(STATION, named)
                if known.stop_source:
                    self._enforce(session_id, StopSource(known.stop_source))

    # --------------------------------------------------------------------------------------------------------- time

    async def time_of(self, row: JournalRow) -> datetime | None:
        """See `RowTime.of`."""
        return await self._times.of(row)

    # --------------------------------------------------------------------------------------------------------- rows

    async def tell_row(self, row: JournalRow, at: datetime) -> None:
        """StartTransaction or StopTransaction; durable when this returns. See `outbox.Teller` for what it raises."""
        if isinstance(row.entry, TransactionStarted):
            await self._start(row, row.entry, at)
        elif isinstance(row.entry, TransactionStopped):
            await self._stop(row, row.entry, at)

    async def _start(self, row: JournalRow, entry: TransactionStarted, at: datetime) -> None:
        payload = self._store.payloads.get(row.seq)
        if payload is None:
            payload = start_payload(entry, at)
            if row.moment.at is None and row.moment.boot_id != self._clock.boot_id:
                await self._store.keep_payload(row.seq, payload)
        answer = await self._rpc.call("StartTransaction", payload)
        try:
            number = transaction_id(answer)
        except WrongAnswer as error:
            raise NoAnswer(str(error)) from None
        info = id_tag_info(answer)
        assert info is not None  # the schema asks for it
        session_id = entry.session_id or 0
        refusal = None if info.is_accepted else _why_stopped(entry)
        begun = OpenTransaction(
            number,
            entry.connector or 0,
            stop_source=refusal.value if refusal else "",
            meter_start_wh=entry.meter_start_wh,
        )
        await self._store.begun(row, session_id, begun)  # with the refusal: a crash must not make it a permission
        self._authorisation.learned(payload["idTag"], info)
        if self._authorisation.contradicts(payload["idTag"], info):
            self._list_conflict(payload["idTag"])
        named = NameTransaction(session_id=session_id, transaction_id=number, parent=info.parent)
        self._errands.ask(STATION, named)
        self._told(
            "StartTransaction", entry.connector, f"transaction {number}, {mask(payload['idTag'])}: {info.status}"
        )
        if refusal is not None:
            log.warning("session %d: the central system says %s of its idTag", session_id, info.status)
            self._enforce(session_id, refusal)

    def _enforce(self, session_id: int, source: StopSource) -> None:
        """The idTag of a begun transaction is not accepted: stop it, or its energy only, as configured (4.8)."""
        deed = remedy(
            stop_on_invalid=self._configuration.flag("StopTransactionOnInvalidId"),
            most_wh=self._configuration.number("MaxEnergyOnInvalidId"),
        )
        if deed.ends:
            self._errands.ask(STATION, StopCharging(session_id=session_id, source=source, by="ocpp"))
        else:
            self._errands.ask(STATION, SetEnergyLimit(session_id=session_id, energy_limit_wh=deed.most_wh))

    async def _stop(self, row: JournalRow, entry: TransactionStopped, at: datetime) -> None:
        payload = self._store.payloads.get(row.seq)
        if payload is None:
            payload = await self._stop_payload(row, entry, end_of(entry, at))
        answer = await self._rpc.call("StopTransaction", payload)
        await self._store.ended(row, entry.session_id or 0)
        info = id_tag_info(answer)
        if info is not None and "idTag" in payload:
            self._authorisation.learned(payload["idTag"], info)
        text = f"transaction {payload['transactionId']}, {payload['meterStop']} Wh, {payload['reason']}"
        self._told("StopTransaction", entry.connector, text)

    async def _stop_payload(self, row: JournalRow, entry: TransactionStopped, at: datetime) -> Payload:
        known = self._store.transactions.get(entry.session_id or 0)
        if known is None:
            raise Unsendable("the central system never told an id for this transaction")
        at_stop = await self._status_at_stop(entry)
        data = await self._transaction_data(entry.session_id or 0, entry.is_signed)
        payload = stop_payload(entry, at, known.transaction_id, at_stop, data)
        if data or at_stop is not None or row.moment.at is None:
            await self._store.keep_payload(row.seq, payload)
        return payload

    async def _status_at_stop(self, entry: TransactionStopped) -> ControllerStatus | None:
        """The controller's status where the reason depends on it: on record, else as it is."""
        if entry.stop_source is not StopSource.STATUS_CHANGE:
            return None
        page = await self._bus.call(STATION, ReadSessions(session_ids=(entry.session_id or 0,), include_garbage=True))
        if page.sessions and page.sessions[0].final_status is not None:
            return page.sessions[0].final_status
        state = self._connectors.get(f"connector/{entry.connector}")
        if isinstance(state, ConnectorState) and state.reading is not None:
            return state.reading.status
        return None

    # ------------------------------------------------------------------------------------------------------ samples

    def heard_sample(self, sample: Sample) -> None:
        """Taken just now: may be needed for transactionData before it is durable."""
        self._recent.append(sample)

    async def tell_sample(self, sample: Sample, *, is_late: bool = False) -> None:
        """MeterValues; nothing where nothing of it is wanted, or its transaction is not one we tell of (any more,
        unless `is_late`)."""
        known = self._store.transactions.get(sample.session_id) if sample.session_id else None
        if sample.session_id and (known is None or (known.is_ended and not is_late)):
            return
        value = meter_value(self._timed(sample), self._measurands)
        if value is None:
            return
        number = None if known is None else known.transaction_id
        await self._rpc.call("MeterValues", meter_values(sample.connector, number, [value]))

    @property
    def _measurands(self) -> dict[str, tuple[str, ...]]:
        return {
            PERIODIC: self._configuration.words("MeterValuesSampledData"),
            RESUMED: self._configuration.words("MeterValuesSampledData"),
            ALIGNED: self._configuration.words("MeterValuesAlignedData"),
            BEGIN: (),  # these two are for transactionData
            END: (),
            TRIGGER: (),  # was told when it was asked for
        }

    def _timed(self, sample: Sample) -> Sample:
        if sample.moment.at is not None or not self._clock.is_set:
            return sample
        moment = sample.moment
        timed = Moment(moment.boot_id, moment.mono_s, self._times.reckoned(moment))
        return Sample(sample.number, sample.after_seq, sample.session_id, sample.connector, timed, sample.values)

    async def _transaction_data(self, session_id: int, is_signed: bool) -> tuple[Payload, ...]:
        """transactionData where it is configured or a signed record has to go along: the durable samples of the session
        and those of just now."""
        sampled = self._configuration.words("StopTxnSampledData")
        aligned = self._configuration.words("StopTxnAlignedData")
        if not sampled and not aligned and not is_signed:
            return ()
        found: dict[int, Sample] = {}
        after = 0
        while len(found) < MAX_SAMPLES:
            reply = await self._bus.call(STATION, ReadSamples(after=after, session_id=session_id, limit=SAMPLE_PAGE))
            found.update((sample.number, sample) for sample in reply.samples)
            if len(reply.samples) < SAMPLE_PAGE:
                break
            after = reply.samples[-1].number
        found.update((sample.number, sample) for sample in self._recent if sample.session_id == session_id)
        ordered = [self._timed(found[number]) for number in sorted(found)]
        return transaction_data(ordered, sampled, aligned, MAX_DATA)


def _why_stopped(entry: TransactionStarted) -> StopSource:
    """The stop source for a start whose idTag the central system does not accept (statuses.md 7)."""
    was_offline = bool(entry.flags & (SessionFlag.StartOffline | SessionFlag.UserAuthorizedOffline))
    return StopSource.OFFLINE_AUTH_ERROR if was_offline else StopSource.OCPP_AUTH_ERROR
