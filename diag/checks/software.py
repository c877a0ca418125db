"""Services, versions, the station file, updates, logs."""

from __future__ import annotations

from chargepoint import support
from chargepoint.messages import (
    Finding,
    LinkStatus,
    ReadConfiguration,
    ScreenState,
    ServiceState,
    StationState,
    SupervisorState,
    UpdateState,
    WebState,
)
from chargepoint.vocabulary import LinkState
from diag.checks.look import Look, failed, not_fitted, passed, skipped, warning

RESTARTS = 3
"""So many since the start of the software are worth a look."""
MIB = 1 << 20


async def services(look: Look) -> list[Finding]:
    found = []
    for one in look.all_of(ServiceState):
        subject = f"service/{one.name}"
        if one.status == "parked":
            found.append(failed("service_parked", subject, service=one.name, end=one.last_end))
        elif one.status in ("hung", "restarting", "stopped"):
            found.append(failed("service_away", subject, service=one.name, status=one.status, end=one.last_end))
        elif one.restarts >= RESTARTS:
            found.append(warning("service_restarts", subject, service=one.name, n=one.restarts, end=one.last_end))
        else:
            found.append(passed(subject))
    return found or [skipped("no_answer", service="hub")]


async def station(look: Look) -> list[Finding]:
    """What ends all charges, and whether records can be written."""
    state = look.state("station", StationState)
    if state is None:
        return [failed("station_silent")]
    if not state.can_record:
        return [failed("cannot_record")]
    return [failed("station_stopped", cause=state.cause)] if state.cause else [passed()]


async def versions(look: Look) -> list[Finding]:
    supervisor, update = look.state("supervisor", SupervisorState), look.state("update", UpdateState)
    if supervisor is None:
        return [skipped("no_answer", service="hub")]
    slot = update.running_slot if update is not None and update.running_slot else "-"
    found = [passed("", "version", version=supervisor.version, slot=slot)]
    return [*found, warning("crashes", n=supervisor.crashes)] if supervisor.crashes >= RESTARTS else found


async def update(look: Look) -> list[Finding]:
    state = look.state("update", UpdateState)
    if state is None:
        return [skipped("no_answer", service="fota")]
    if state.stage == "failed":
        return [warning("update_failed", version=state.version or "?", why=state.text or state.code)]
    if state.stage == "checking":
        return [warning("update_trial", version=state.running_version)]
    if state.last_outcome == "returned":
        return [warning("update_returned", version=state.running_version, why=state.last_reason)]
    return [passed()]


async def promised(look: Look) -> list[Finding]:
    """Whether security updates come still, as whoever built this software promised."""
    told = support.read(look.tree)
    if told.until is None:
        return [skipped("support_unknown")]
    if look.now is None:
        return [skipped("clock_unknown")]
    left = told.days_left(look.now.date()) or 0
    if left < 0:
        return [warning("support_ended", until=told.until)]
    return [warning("support_ends", until=told.until, days=left) if left < support.SOON_DAYS else passed()]


async def configuration(look: Look) -> list[Finding]:
    told = await look.ask("hub", ReadConfiguration())
    if told.file_faults:
        first = told.file_faults[0]
        return [failed("config_last_good", n=len(told.file_faults), place=first.place, why=first.why)]
    if not told.ok:
        return [failed("config_unread", why=told.text)]
    if told.trial == "on_trial":
        return [warning("config_trial")]
    if told.trial == "returned":
        return [warning("config_returned", why=told.trial_reason)]
    return [passed()]


async def logs(look: Look) -> list[Finding]:
    """The log folders against their quotas; a file more of each kind may be open."""
    if look.logs_bytes is None:
        return [not_fitted()]
    kept = look.settings.logs
    quota = sum((files + 1) * size for files, size in (
        (kept.error_files, kept.error_mib), (kept.info_files, kept.info_mib), (kept.debug_files, kept.debug_mib),
    ))  # fmt: skip
    used = look.logs_bytes / MIB
    return [warning("logs_over", used=round(used), quota=quota)] if used > quota else [passed()]


async def link(look: Look) -> list[Finding]:
    """The link to the central system as it stands; no connection of its own."""
    state = look.state("link", LinkStatus)
    if not look.settings.ocpp.url or (state is not None and state.state is LinkState.DISABLED):
        return [not_fitted("link")]
    if state is None:
        return [skipped("no_answer", "link", service="ocpp")]
    if state.state is not LinkState.ONLINE:
        return [failed("link_offline", "link", error=state.last_error or state.state.value)]
    if state.registration not in ("", "Accepted"):
        return [failed("link_rejected", "link", registration=state.registration)]
    return [passed("link")]


LONG_QUEUE = 200


async def queue(look: Look) -> list[Finding]:
    state = look.state("link", LinkStatus)
    if not look.settings.ocpp.url:
        return [not_fitted("link")]
    if state is None:
        return [skipped("no_answer", "link", service="ocpp")]
    found = []
    if state.parked:
        found.append(warning("parked", "link", n=state.parked))
    if state.queued > LONG_QUEUE:
        found.append(warning("queue_long", "link", n=state.queued))
    return found or [passed("link")]


async def screen(look: Look) -> list[Finding]:
    """Alive and with a display: a name of a screen is told only when it was drawn."""
    if not look.settings.screen.is_fitted:
        return [not_fitted("screen")]
    state, service = look.state("screen", ScreenState), look.state("service/hmi", ServiceState)
    if service is None or service.status != "running" or state is None:
        return [failed("screen_away", "screen")]
    return [passed("screen")] if state.name else [failed("screen_dark", "screen")]


async def web(look: Look) -> list[Finding]:
    if not look.settings.web.is_fitted:
        return [not_fitted("web")]
    state, service = look.state("web", WebState), look.state("service/webconfig", ServiceState)
    if state is None or service is None or service.status != "running":
        return [failed("web_away", "web")]
    return [passed("web")]
