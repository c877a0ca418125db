"""Why software starts, as far as the end of its run before and the boot tell. Pure; hub and station each ask."""

from __future__ import annotations

import msgspec

from chargepoint.vocabulary import StartCause


class LastRun(msgspec.Struct, frozen=True):
    """What is remembered of the run before: its boot, and its exit code if it ended in order."""

    boot_id: str
    exit_code: int | None = None


def start_cause(last: LastRun | None, boot_id: str) -> StartCause:
    """Why the software starts now; `last` None: it never ran before."""
    if last is None:
        return StartCause.POWER_ON
    if last.boot_id != boot_id:
        return StartCause.HARD_RESET if last.exit_code == 20 else StartCause.POWER_ON
    if last.exit_code is None:
        return StartCause.CRASH
    return StartCause.SERVICE_RESTART if last.exit_code == 0 else StartCause.SOFT_RESET
