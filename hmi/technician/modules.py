"""TechnikModules: the commutation picture: groups of modules, contactors between them, what goes to which connector."""

from __future__ import annotations

from chargepoint.messages import ModulesState
from chargepoint.vocabulary import Cause
from drivers.interfaces import ModuleReading
from hmi.drawing.items import Picture
from hmi.technician import facts, wordings
from hmi.technician.commutation import commutation, state_of
from hmi.technician.guarded import deed, shows
from hmi.technician.kit import Button, StaffPage
from hmi.technician.paged import staff_page
from hmi.technician.sheet import Row, head, line, sheet

MOST_GROUPS = 12


@staff_page("TechnikModules")
def picture(page: StaffPage) -> Picture:
    show = page.view.place.fields.get("show") or "power"
    tabs = [shows(page, part, f"part_{part}", "power") for part in ("power", "contactors", "modules_list")]
    power = page.view.seen.power
    if show == "modules_list":
        return sheet(page, page.t("modules"), _modules(page), _buttons(page), tabs=tabs, share=0.5, tile_mm=36.0)
    if power is None or not (power.groups or power.outputs or power.contactors):
        rows = [line(page.t("no_modules"))]
        return sheet(page, page.t("modules"), rows, tabs=tabs)
    if show == "contactors":
        return sheet(page, page.t("modules"), _contactors(page), _repairs(page), tabs=tabs)
    rows = [
        Row(t_output(page, output.connector), " · ".join(
            part for part in (facts.number(page, output.power_w / 1000, "kW"), wordings.why(page.words, output)) if part
        ))
        for output in power.outputs
    ]  # fmt: skip
    rows += [
        Row(page.t("move", group=move.group),
            wordings.phrase(page.words, move.why) or f"{move.from_connector} → {move.to_connector}", "warn")
        for move in power.moves
    ]  # fmt: skip
    figure = commutation if power.groups else None
    return sheet(page, page.t("modules"), rows, tabs=tabs, figure=figure, is_figure_first=True)


def t_output(page: StaffPage, number: int) -> str:
    return page.words("menu.connector", n=number)


def _contactors(page: StaffPage) -> list[Row]:
    power, t = page.view.seen.power, page.t
    assert power is not None
    rows = [head(t("part_contactors"))]
    for each in power.contactors:
        key = state_of(each)
        tone = "bad" if key == "welded" or each.cause is not Cause.NONE else "good" if key == "closed" else ""
        why = "" if each.cause is Cause.NONE else f" ({facts.named(page, 'cause', each.cause.value)})"
        named = f"{each.name} ({each.between[0]} – {each.between[1]})"
        rows.append(Row(named, f"{t(key)}{why} · {each.operations}", tone))
    return rows if len(rows) > 1 else [line(t("no_contactors"))]


def _repairs(page: StaffPage) -> list[Button]:
    power = page.view.seen.power
    assert power is not None
    wrong = [each for each in power.contactors if each.cause.name != "NONE"]
    return [deed(page, "clear_output", name=each.output) for each in wrong]


def _modules(page: StaffPage) -> list[Row]:
    """All modules, or all of the one that was picked."""
    t = page.t
    picked = _picked(page)
    if picked is not None:
        bank, module = picked
        values = (("voltage", module.voltage_v, "V"), ("current", module.current_a, "A"),
                  ("temperature", module.temperature_c, "°C"))  # fmt: skip
        state = t("silent") if not module.is_online else t(_state(module))
        rows = [head(f"{bank} · {t('module', n=module.number)}"), Row(t("state"), state, _tone(module))]
        rows += [Row(t(key), facts.number(page, value, unit)) for key, value, unit in values if module.is_online]
        return rows + [line(wordings.phrase(page.words, each), "bad") for each in module.alarms]
    rows = []
    for each in facts.of_kind(page, ModulesState):
        rows.append(head(each.name))
        for module in each.modules:
            volts, amps = facts.number(page, module.voltage_v, "V", 0), facts.number(page, module.current_a, "A")
            told = [volts, amps, facts.number(page, module.temperature_c, "°C", 0)]
            told = told if module.is_online else [t("silent")]
            told += [wordings.phrase(page.words, alarm) for alarm in module.alarms]
            rows.append(Row(t("module", n=module.number), " · ".join(told), _tone(module)))
    return rows or [line(t("no_modules"))]


def _tone(module: ModuleReading) -> str:
    return "bad" if module.has_fault else "old" if not module.is_online else "good" if module.is_on else ""


def _state(module: ModuleReading) -> str:
    return "mod_fault" if module.has_fault else "mod_on" if module.is_on else "mod_off"


def _picked(page: StaffPage) -> tuple[str, ModuleReading] | None:
    bank, _, number = page.view.place.fields.get("pick", "").rpartition(":")
    for state in facts.of_kind(page, ModulesState):
        for module in state.modules:
            if state.name == bank and str(module.number) == number:
                return bank, module
    return None


def _buttons(page: StaffPage) -> list[Button]:
    """A button for each module; of the one that was picked what can be done with it."""
    picked, banks = _picked(page), facts.of_kind(page, ModulesState)
    if picked is not None:
        name, module = picked
        deeds = (("exclude_module", "exclude"), ("include_module", "include"), ("identify_module", "identify"))
        back = Button(name="staff:pick:", label=page.t("all_modules"), icon="module")
        return [back, *(deed(page, action, label=page.t(key).capitalize(), name=name, number=module.number)
                        for action, key in deeds)]  # fmt: skip
    buttons = [
        Button(name=f"staff:pick:{bank.name}:{module.number}", label=page.t("module", n=module.number),
               icon="warning" if module.has_fault else "no_link" if not module.is_online else "module")
        for bank in banks for module in bank.modules
    ]  # fmt: skip
    return buttons + [deed(page, "reboot_module_controller", name=bank.name) for bank in banks]
