"""What the station has written down: journal, sessions, histories, samples."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from chargepoint.messages.kinds import ActionResult, Done, Reply, Request
from chargepoint.records import (
    HistoryRow,
    JournalRow,
    Sample,
    Session,
)
from chargepoint.vocabulary import SessionState


class ReadJournal(Request["JournalPage"], frozen=True, kw_only=True):
    """To station: entries after `after_seq`, oldest first; `kinds` (class names of records.py) empty: all.

    `session_id`, `since`, `until`, `connector`, `text` (in message, error, action) and `event_types` narrow it further
    (`event_types`: lines of the operation log of these, and the kinds of entries that mean the same). With `before_seq`
    the entries before that number, newest first (0: from the end), and `after_seq` where it stops. `limit` at most 500.
    """

    after_seq: int = 0
    kinds: tuple[str, ...] = ()
    session_id: int | None = None
    since: datetime | None = None
    limit: int = 500
    before_seq: int | None = None
    until: datetime | None = None
    connector: int | None = None
    event_types: tuple[str, ...] = ()
    text: str = ""


class JournalPage(Reply, frozen=True, kw_only=True):
    """`last_seq` is where the journal ends now; `read_to` the sequence number up to which this page is complete. Newest
    first: all from there on are in it; go on with it as `before_seq`, until it is `after_seq` + 1 or less."""

    rows: tuple[JournalRow, ...]
    read_to: int
    last_seq: int


class CheckChain(Request["ChainChecked"], frozen=True, kw_only=True):
    """To station: whether the security journal is as it was written: each entry holds a digest of itself and the one
    before."""


class ChainChecked(Reply, frozen=True, kw_only=True):
    """`entries` were looked at; `broken` are the numbers of those that are not as written, or whose predecessor went
    (the first 100)."""

    entries: int
    broken: tuple[int, ...] = ()


class ReadSessions(Request["SessionsPage"], frozen=True, kw_only=True):
    """To station: session records, newest first; with `session_ids` just those. `limit` at most 500.

    Created at `since` or later and before `until`. `before`: only those with a smaller id, for the next page. `text`:
    a session's number, or a part of who started or stopped it, of the vehicle's id or its name. `hide_zero` leaves out
    ended ones without energy, `hide_tests` those of technicians and of a station not yet activated. `with_count`: how
    many there are of them in all, `before` aside.
    """

    session_ids: tuple[int, ...] = ()
    since: datetime | None = None
    unfinished: bool = False
    include_garbage: bool = False
    limit: int = 100
    until: datetime | None = None
    before: int | None = None
    connector: int | None = None
    states: tuple[SessionState, ...] = ()
    text: str = ""
    hide_zero: bool = False
    hide_tests: bool = False
    with_count: bool = False


class SessionsPage(Reply, frozen=True, kw_only=True):
    """`next_before` begins the next page; None: there is none. `count` only if asked for."""

    sessions: tuple[Session, ...]
    next_before: int | None = None
    count: int | None = None


class AmendSession(Request[ActionResult], frozen=True, kw_only=True):
    """To station: what people may correct in a record; never touches charging. None: stays as it is. Is logged.

    `vehicle_name`: at most 60 characters. `state` of an ended session, with a `comment` why. Codes: no_session,
    not_finished, comment_needed, nothing.
    """

    session_id: int
    by: str
    vehicle_name: Annotated[str, Meta(max_length=60)] | None = None
    state: SessionState | None = None
    comment: Annotated[str, Meta(max_length=300)] = ""


class ReadHistory(Request["HistoryPage"], frozen=True, kw_only=True):
    """To station: the newest `limit` (at most 500) durable rows of a session, oldest first.

    `before` and `skip` of a page lead to the one before it (0, 0: the newest).
    """

    session_id: int
    limit: int = 500
    before: int = 0
    skip: int = 0


class HistoryPage(Reply, frozen=True, kw_only=True):
    """`before` 0: there is nothing older."""

    rows: tuple[HistoryRow, ...]
    before: int = 0
    skip: int = 0


class ReadSamples(Request["SamplesPage"], frozen=True, kw_only=True):
    """To station: durable samples with `number` > `after`, oldest first; one session's only, if given. At most 500.

    Asked for those of all sessions, the station makes durable what still waits for its batch, if the disk takes it.
    """

    after: int = 0
    session_id: int | None = None
    limit: int = 500


class SamplesPage(Reply, frozen=True, kw_only=True):
    """Samples up to `durable_number` could be read, those up to `last_number` were taken."""

    samples: tuple[Sample, ...]
    last_number: int
    durable_number: int


class Cursor(Request[Done], frozen=True, kw_only=True):
    """To station: the sender has dealt with entries up to `seq` and samples up to `sample`; pruning respects it.

    `told`: samples up to here were told, though some behind `sample` may be needed again; thinning respects it.
    """

    seq: int
    sample: int
    told: int | None = None


class ReadBacklog(Request["BacklogSize"], frozen=True, kw_only=True):
    """To station: how many journal entries of `kinds` and durable samples come after these numbers."""

    after_seq: int
    after_sample: int
    kinds: tuple[str, ...] = ()


class BacklogSize(Reply, frozen=True, kw_only=True):
    """Samples up to `durable_sample` are counted. The cursors are the last ones heard of the sender, None: never."""

    entries: int
    samples: int
    durable_sample: int
    cursor_seq: int | None = None
    cursor_sample: int | None = None


class SamplingPlan(msgspec.Struct, frozen=True):
    """Which samples the station takes by itself, also when `ocpp` is down. Interval 0: none. Durable as a fact.

    `measurands` as in OCPP (`Energy.Active.Import.Register`, `Current.Import.L1`, ...).
    """

    sampled_interval_s: int = 60
    sampled: tuple[str, ...] = ("Energy.Active.Import.Register",)
    aligned_interval_s: int = 0
    aligned: tuple[str, ...] = ("Energy.Active.Import.Register",)
    stop_sampled: tuple[str, ...] = ()
    stop_aligned: tuple[str, ...] = ()


class SetSamplingPlan(Request[Done], frozen=True, kw_only=True):
    plan: SamplingPlan


class TakeSample(Request["SampleReply"], frozen=True, kw_only=True):
    """To station: values of a connector now (TriggerMessage MeterValues); connector 0 is the station's meter."""

    connector: int
    measurands: tuple[str, ...]
    context: str = "Trigger"


class SampleReply(Reply, frozen=True, kw_only=True):
    sample: Sample | None
