"""An update as others see it: topic `update`, and its lines in the operation log. Pure."""

from __future__ import annotations

from datetime import datetime

from chargepoint.locations import masked_location
from chargepoint.messages import Noted, UpdateState
from chargepoint.vocabulary import EventType
from fota.kept import Kept
from fota.standing import Standing
from fota.update import SETTLED, Stage
from fota.upload_rules import shown


def state_of(kept: Kept, standing: Standing) -> UpdateState:
    """Topic `update`; without users, passwords and queries of addresses."""
    total = kept.size_bytes
    return UpdateState(
        stage=kept.at_stage.value,
        kind=kept.kind,
        version=kept.version,
        name=kept.order.name,
        location=shown(kept.order.location)[:300],
        at=_moment(kept),
        is_due=kept.is_due and kept.at_stage in (Stage.WAITING, Stage.INSTALLING),
        received_bytes=kept.received_bytes,
        size_bytes=total,
        attempt=kept.attempt,
        attempts=kept.order.tries,
        percent=min(100, kept.received_bytes * 100 // total) if total and kept.received_bytes else None,
        code=kept.code,
        text=masked_location(kept.text),
        by=kept.order.by,
        request_id=kept.order.request_id,
        controllers=kept.controllers,
        running_version=standing.version,
        running_slot=standing.runs.slot,
        previous_version=standing.previous_version,
        floor=standing.floor,
        last_outcome=standing.runs.outcome,
        last_reason=standing.runs.reason,
    )


def note_of(kept: Kept) -> Noted:
    """The line of the operation log when a stage begins."""
    what = shown(kept.order.location)[:200] or kept.order.name
    about = " ".join(word for word in (kept.kind, kept.version, what, f"by {kept.order.by}") if word)
    is_bad = kept.at_stage is Stage.FAILED
    return Noted(
        event_type=EventType.FIRMWARE,
        action=kept.at_stage.value,
        message=about[:400] if is_bad or not kept.text else f"{about[:300]}: {masked_location(kept.text)[:100]}",
        error=masked_location(f"{kept.code}: {kept.text}")[:400] if is_bad else "",
    )


def _moment(kept: Kept) -> datetime | None:
    """What is waited for, if it is a moment."""
    if kept.at_stage is Stage.SCHEDULED:
        return kept.order.retrieve_at
    return kept.order.install_at if kept.at_stage not in SETTLED else None
