"""TechnikConfig: what is found and what is configured, limits, the difference of the draft, and how it is applied."""

from __future__ import annotations

from chargepoint.messages import ConfigurationPage, DeviceState, InstalledState
from hmi.drawing.items import Picture
from hmi.technician import facts, forms, pads, wordings
from hmi.technician.guarded import deed, shows
from hmi.technician.kit import Button, StaffPage
from hmi.technician.paged import staff_page
from hmi.technician.sheet import Row, head, line, sheet

PARTS = ("found", "limits", "difference")


@staff_page("TechnikConfig")
def picture(page: StaffPage) -> Picture:
    t, place = page.t, page.view.place
    told = page.desk.replies.get("configuration")
    known = told if isinstance(told, ConfigurationPage) else None
    name = place.fields.get("edit", "")
    if name in forms.keys(page.view.seen):
        hints = [t(f"edit_{name[-1]}"), name, t("edit_hint")]
        return pads.number_page(page, _key_named(page, name), _value(page, name), hints)
    show = place.fields.get("show") or PARTS[0]
    tabs = [shows(page, part, f"part_{part}", PARTS[0]) for part in PARTS]
    rows = {"limits": _limits, "difference": _difference}.get(show, _found)(page, known)
    return sheet(page, t("configuration"), rows, _buttons(page, show, known), tabs=tabs)


def _buttons(page: StaffPage, show: str, known: ConfigurationPage | None) -> list[Button]:
    t = page.t
    if show == "limits":
        return [Button(name=f"staff:edit:{key}", label=t("change", what=_key_named(page, key)), icon="wrench")
                for key in forms.keys(page.view.seen)]  # fmt: skip
    if show == "difference":
        apply = deed(page, "apply_configuration", kind="main")
        has_draft = known is not None and bool(known.draft)
        if not apply.why and not has_draft:
            apply = Button(name=apply.name, label=apply.label, why=t("no_draft"))
        drop = Button(name="staff:draft:drop", label=t("drop_draft"), why="" if has_draft else t("no_draft"))
        return [apply, drop]
    return [deed(page, name) for name in ("accept_devices", "reload_configuration", "factory_reset")]


def _found(page: StaffPage, known: ConfigurationPage | None) -> list[Row]:
    t, seen = page.t, page.view.seen
    rows = [head(t("connectors"))]
    for fitted in seen.shop.connectors:
        state = seen.connectors.get(fitted.number)
        is_there = state is not None and state.reading is not None
        text = " · ".join((fitted.type.value, facts.whole(page, fitted.max_power_w / 1000, "kW"),
                           facts.whole(page, fitted.max_current_a, "A")))  # fmt: skip
        rows.append(Row(str(fitted.number), text, "" if is_there else "warn"))
    rows.append(head(t("differences")))
    installed = facts.of_kind(page, InstalledState)
    lines = [each for state in installed for each in wordings.differences(page.words, state)]
    rows += [line(each, "warn") for each in lines] or [line(t("no_differences"), "good")]
    silent = [each for each in facts.of_kind(page, DeviceState) if not each.is_answering]
    rows += [Row(f"{facts.named(page, 'kind', each.kind)} {each.name}", t("silent"), "bad") for each in silent]
    if known is not None and known.path:
        rows += [head(t("file")), Row(t("path"), known.path)]
        rows += [Row(t("trial"), t(f"trial_{known.trial}"))] if known.trial in ("on_trial", "kept", "returned") else []
    return rows


def _value(page: StaffPage, key: str) -> str:
    """What the station works with now."""
    seen, parts = page.view.seen, key.split(".")
    if key == "station.power_limit_w":
        return "—" if seen.station is None else facts.number(page, seen.station.power_limit_w / 1000, "kW")
    fitted = next((each for each in seen.shop.connectors if str(each.number) == parts[1]), None)
    if fitted is None:
        return "—"
    if parts[2] == "max_power_w":
        return facts.whole(page, fitted.max_power_w / 1000, "kW")
    return facts.whole(page, fitted.max_current_a, "A")


def _key_named(page: StaffPage, key: str) -> str:
    """A key of the station file in words: `Connector 1: power`."""
    parts = key.split(".")
    if parts[0] == "station":
        return page.t("power_limit")
    what = page.t("power" if parts[2] == "max_power_w" else "current")
    return f"{page.words('menu.connector', n=parts[1])}: {what}"


def _limits(page: StaffPage, known: ConfigurationPage | None) -> list[Row]:
    rows = [head(page.t("part_limits"))]
    rows += [Row(_key_named(page, key), _value(page, key)) for key in forms.keys(page.view.seen)]
    rows.append(line(page.t("edit_hint")))
    return rows


def _difference(page: StaffPage, known: ConfigurationPage | None) -> list[Row]:
    t = page.t
    if known is None:
        return [line(t("asking"))]
    if not known.draft:
        return [line(t("no_draft"))]
    rows = [line(t("draft_by", by=known.draft_by or "—"))]
    changed = [each for each in known.difference if each[:1] in "+-" and each[:3] not in ("+++", "---")]
    rows += [line(each, "good" if each.startswith("+") else "warn") for each in changed]
    for fault in known.faults:
        rows.append(line(f"{fault.place}: {fault.found}. {fault.why} {fault.remedy}", "bad"))
    rows.append(line(t("apply_hint")))
    return rows
