"""TechnikTerminalPage: services, the link to the central system, meters, climate, network; the station as a whole."""

from __future__ import annotations

from datetime import datetime

from chargepoint.messages import ClockState, MeterState, StationState, WebState
from hmi.drawing.items import Picture, Rect
from hmi.screens import facts as seen_facts
from hmi.technician import facts, wordings
from hmi.technician.guarded import deed, shows
from hmi.technician.kit import Button, StaffPage, coded
from hmi.technician.paged import staff_page
from hmi.technician.sheet import Row, head, line, sheet

MIB = 1024 * 1024
CERTIFICATE_WARN_DAYS = 30.0


@staff_page("TechnikTerminalPage")
def picture(page: StaffPage) -> Picture:
    show = page.view.place.fields.get("show") or "state"
    parts = {"state": _state, "services": _services, "network": _network}
    rows = parts.get(show, _state)(page)
    tabs = [shows(page, part, f"part_{part}", "state") for part in parts]
    figure = _web if show == "network" and page.view.seen.addresses else None
    return sheet(page, page.t("terminal"), rows, _buttons(page, show), tabs=tabs, figure=figure, is_own=show != "state")


def _buttons(page: StaffPage, show: str) -> list[Button]:
    if show == "services":
        names = sorted(page.view.seen.services)
        return [deed(page, "restart", service=name) for name in names]
    station = page.view.seen.station
    is_open = station is None or station.operative
    own = deed(page, "out_of_service") if is_open else deed(page, "working", kind="main")
    if show == "network":
        return [deed(page, "restart_network")]
    rest = ("reload_configuration", "sync_all_clocks", "reboot_all_controllers", "activate", "deactivate")
    return [own, *(deed(page, name) for name in rest)]


def _state(page: StaffPage) -> list[Row]:
    seen, t = page.view.seen, page.t
    rows = [head(t("part_state"))]
    station = seen.station
    if isinstance(station, StationState):
        rows += [
            Row(
                t("technical"),
                page.words(f"tstate.{station.technical.name}"),
                facts.tone(station.technical.name == "OK"),
            ),
            Row(t("logical"), page.words(f"lstate.{station.logical.name}")),
            Row(t("power"), facts.number(page, station.power_w / 1000, "kW"), "old" if page.is_stale else ""),
            Row(t("power_limit"), facts.number(page, station.power_limit_w / 1000, "kW")),
        ]
        if station.cause:
            rows.append(Row(t("cause"), facts.named(page, "cause", station.cause), "bad"))
    link = seen.link
    rows.append(head(t("server")))
    if link is not None:
        is_up = bool(seen_facts.has_link(seen))
        rows += [
            Row(t("state"), facts.named(page, "lstate_link", link.state.value), facts.tone(is_up)),
            Row(t("address"), link.url or facts.NONE),
            Row(t("registration"), link.registration or facts.NONE),
            Row(t("since"), facts.duration(page, facts.age_s(page, link.since_mono_s))),
            Row(t("queue"), str(link.queued), "warn" if link.queued else ""),
            Row(t("parked"), str(link.parked), "bad" if link.parked else ""),
        ]
        rows += _exchange(page)
        if link.last_error:
            rows.append(Row(t("last_error"), link.last_error, "warn"))
    meters = facts.of_kind(page, MeterState)
    if meters:
        rows.append(head(t("meters")))
    for meter in meters:
        tone = "bad" if not meter.is_answering else facts.tone_by_age(page, meter.mono_s)
        energy = None if meter.energy_wh is None else meter.energy_wh / 1000
        rows.append(Row(meter.name, facts.number(page, energy, "kWh") if meter.is_answering else t("silent"), tone))
    climate = facts.climate_rows(page)
    clocks = facts.of_kind(page, ClockState)
    rows += [head(t("part_other")), *climate]
    for each in clocks:
        source = facts.named(page, "clock", each.source)
        told = t("clock_set", source=source) if each.is_set else t("clock_unset")
        rows.append(Row(t("clock"), told, facts.tone(each.is_set)))
    return rows


def _exchange(page: StaffPage) -> list[Row]:
    """When the central system was last talked to; the last frame as far as it was seen since the menu was opened. How
    long the certificate of this station still holds."""
    seen, t = page.view.seen, page.t
    link = seen.link
    heartbeat_s = None if link is None else link.heartbeat_mono_s
    told = (("last_frame", seen.gathered.frame_s), ("heartbeat", heartbeat_s))
    rows = [Row(t(key), t("ago", time=facts.duration(page, facts.age_s(page, at_s))))
            for key, at_s in told if at_s is not None]  # fmt: skip
    if link is not None and link.certificate_ends_at is not None:
        rows.append(_certificate(page, link.certificate_ends_at))
    return rows


def _certificate(page: StaffPage, ends_at: datetime) -> Row:
    """Its end, and the days until then where the time of day is known."""
    date, now = f"{ends_at:%d.%m.%Y}", page.view.clock
    if now is None:
        return Row(page.t("certificate"), page.t("certificate_until", date=date))
    left = (ends_at - now.astimezone()).total_seconds() / 86_400
    if left < 0:
        return Row(page.t("certificate"), page.t("certificate_ended", date=date), "bad")
    told = page.t("certificate_left", date=date, n=int(left))
    return Row(page.t("certificate"), told, "warn" if left < CERTIFICATE_WARN_DAYS else "")


def _services(page: StaffPage) -> list[Row]:
    t = page.t
    rows = []
    for name, service in sorted(page.view.seen.services.items()):
        is_good = service.status in ("running", "resting")
        memory = f" · {facts.number(page, service.memory_bytes / MIB, 'MiB', 0)}" if service.memory_bytes else ""
        status = facts.named(page, "sstate", service.status)
        rows.append(
            Row(name, f"{status} · {t('restarts')} {service.restarts}{memory}", "" if is_good else "bad")
        )  # fmt: skip
        if service.last_end and not is_good:
            rows.append(line(wordings.phrase(page.words, service.last_end), "warn"))
    return rows


def _network(page: StaffPage) -> list[Row]:
    t = page.t
    rows = [head(t("part_network"))]
    found = page.view.seen.addresses
    rows += [Row(each.name, each.address) for each in found] or [line(t("no_network"), "warn")]
    machine = page.view.seen.machine
    rows += [Row(t("gateway"), machine.gateway or facts.NONE), Row("DNS", ", ".join(machine.dns) or facts.NONE)]
    link = page.view.seen.link
    if link is not None:
        rows.append(Row(t("server"), link.url or facts.NONE))
    rows.append(line(t("network_hint")))
    web = page.view.seen.states.get("web")
    if isinstance(web, WebState) and web.fingerprint:  # to be compared with what the browser shows
        half = (len(web.fingerprint) + 1) // 2
        rows += [line(t("web_fingerprint")), line(web.fingerprint[: half - 1]), line(web.fingerprint[half:])]
    return rows


def _web(page: StaffPage, rect: Rect) -> None:
    """The web pages of the station, for a telephone in the same network."""
    web = page.view.seen.states.get("web")
    where = page.view.seen.addresses[0].address
    if isinstance(web, WebState):
        is_plain = bool(web.http_port)
        port, usual = (web.http_port, 80) if is_plain else (web.https_port, 443)
        where = where if port == usual else f"{where}:{port}"
        link = f"{'http' if is_plain else 'https'}://{where}/"
    else:
        link = f"http://{where}/"
    coded(page, rect, link, f"{page.t('web_pages')} {where}")
