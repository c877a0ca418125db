"""The first-run wizard: from the label's password to an activated station (webconfig.md 11).

What is asked goes into the visitor's draft of the station file; only the step `apply` puts it to use. The step that was
reached is kept, so that somebody can go on tomorrow, and on another phone.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

import htpy as h
import msgspec

from chargepoint.config_text import loads
from chargepoint.messages import (
    ActionResult,
    ChangeSettings,
    ConfigurationPage,
    Discover,
    DiscoveryState,
    ReadConfiguration,
    ReadSettings,
    SetRecoveryCode,
    WriteDraft,
)
from chargepoint.rights import Right
from webconfig.answers import Answer, Html, Problem, Redirect
from webconfig.ask import Ask
from webconfig.layout import form, live, page
from webconfig.routes import Values, get, post
from webconfig.wizard import forms, report
from webconfig.wizard.steps import (
    ANSWERS_KEY,
    DONE,
    HIDDEN_KEY,
    NAMES,
    STEP_KEY,
    Step,
    after,
    changes_of,
    reached,
    step_named,
    where_to_go_on,
)
from webconfig.wizard.supply import NotASupply, Supply, proposed


async def wizard(ask: Ask) -> Answer:
    """The step somebody had reached."""
    kept = (await _kept(ask)).get(STEP_KEY, "")
    name = where_to_go_on(kept)
    return Redirect(f"/wizard/{NAMES[-1] if name == DONE else name}")


async def step_page(ask: Ask) -> Answer:
    return Html(await _page(ask, _step(ask)))


async def step_done(ask: Ask) -> Answer:
    """What a step asks for; then the next one."""
    step = _step(ask)
    given = ask.form()
    if given.get("do") == "skip":
        if not step.can_skip:
            raise Problem(422, "cannot_skip", ask.text("wizard.cannot_skip"))
        return await _on(ask, step)
    if given.get("do") == "hide":
        await _keep(ask, {HIDDEN_KEY: "1"})
        return Redirect("/")
    do = _DEEDS.get((step.name, given.get("do", "")))
    if do is not None:
        return await do(ask, step, given)
    if step.keys:
        result = await _draft(ask, changes_of(step, given, _flat(_document(await _configuration(ask)))))
        if not result.ok:
            return Html(await _page(ask, step, fault=_told(result)), status=422)
    if step.name == "summary":
        return await _activate(ask, step)
    return await _on(ask, step)


async def live_values(ask: Ask) -> Values:
    """Tiles that light up when something is plugged in; what a search says."""
    return {**forms.tile_values(ask), **forms.discovery_values(ask)}


async def commissioning_report(ask: Ask) -> Answer:
    """The report alone, to print and to keep."""
    answers = _answers(await _kept(ask))
    return Html(await report.page(ask, _document(await _configuration(ask)), answers))


# ------------------------------------------------------------------------------------------------ single steps


async def _recovery(ask: Ask, step: Step, _given: Mapping[str, str]) -> Answer:
    answer = await ask.call("hub", SetRecoveryCode(by=ask.login))
    if not answer.ok:
        return Html(await _page(ask, step, fault=answer.text or answer.code), status=403)
    return Html(await _page(ask, step, shown_once=answer.recovery_secret))


async def _search(ask: Ask, step: Step, given: Mapping[str, str]) -> Answer:
    hosts = tuple(part for part in given.get("hosts", "").replace(",", " ").split() if part)[:20]
    result = await ask.call("discovery", Discover(hosts=hosts, by=ask.login), timeout_s=15.0)
    if not result.ok:
        return Html(await _page(ask, step, fault=result.text), status=422)
    return Redirect(f"/wizard/{step.name}#search")


async def _take_proposal(ask: Ask, step: Step, _given: Mapping[str, str]) -> Answer:
    found = ask.site.state("discovery", DiscoveryState)
    if found is None or not found.proposal:
        return Html(await _page(ask, step, fault=ask.text("wizard.no_proposal")), status=422)
    result = await ask.call("hub", WriteDraft(text=found.proposal, by=ask.login, keeps_faults=True))
    if not result.ok and result.code != "faulty":
        return Html(await _page(ask, step, fault=_told(result)), status=422)
    return Redirect("/config")


async def _reckon(ask: Ask, step: Step, given: Mapping[str, str]) -> Answer:
    try:
        supply = _supply_of(given)
        proposal = proposed(supply)
    except NotASupply as error:
        text = ask.text(f"wizard.supply_{error.key}")
        return Html(await _page(ask, step, faults={error.field: text}, given=given), status=422)
    answers = {**_answers(await _kept(ask)), "supply": msgspec.to_builtins(supply)}
    await _keep(ask, {ANSWERS_KEY: msgspec.json.encode(answers).decode()})
    return Html(await _page(ask, step, proposal=proposal, given=given))


def _supply_of(given: Mapping[str, str]) -> Supply:
    fields: dict[str, Any] = {"earthing": given.get("earthing", "")}
    for name in ("section_mm2", "length_m", "breaker_a", "voltage_v", "allotted_kw"):
        text = given.get(name, "").strip().replace(",", ".")
        if text == "" and name in ("allotted_kw", "voltage_v"):
            continue
        try:
            fields[name] = float(text)
        except ValueError:
            raise NotASupply(name, "range") from None
    for name in ("phases", "parallel"):
        text = given.get(name, "1").strip()
        if not (text.isascii() and text.isdecimal() and len(text) < 3):
            raise NotASupply(name, "range")
        fields[name] = int(text)
    return Supply(**fields)


async def _activate(ask: Ask, step: Step) -> Answer:
    """The end of commissioning: by who holds the right, whatever is still missing said before."""
    bad = [one for one in report.found(ask) if one.outcome == "bad"]
    if bad and ask.form().get("anyway") != "1":
        return Html(await _page(ask, step, fault=ask.text("wizard.not_ready", n=len(bad))), status=422)
    await _keep(ask, {STEP_KEY: DONE})
    return Redirect("/")


_DEEDS = {
    ("password", "recovery"): _recovery,
    ("hardware", "search"): _search,
    ("hardware", "take"): _take_proposal,
    ("supply", "reckon"): _reckon,
}


# ------------------------------------------------------------------------------------------------ the page


def _step(ask: Ask) -> Step:
    step = step_named(ask.place("step"))
    if step is None:
        raise Problem(404, "not_found", ask.text("problem.not_found"))
    return step


async def _page(ask: Ask, step: Step, *, fault: str = "", **more: Any) -> h.Renderable:
    kept = await _kept(ask)
    try:
        configuration = await _configuration(ask)
    except Problem as problem:
        configuration = ConfigurationPage(ok=False, text=problem.detail)
    far = where_to_go_on(kept.get(STEP_KEY, ""))
    number = NAMES.index(step.name) + 1
    look = forms.Look(ask, configuration, _flat(_document(configuration)), _answers(kept), **more)
    before = NAMES[number - 2] if number > 1 else ""
    return page(
        ask,
        ask.text(f"wizard.{step.name}"),
        h.p(".soft")[ask.text("wizard.step", n=number, of=len(NAMES))],
        h.progress(value=str(number), max=str(len(NAMES)), aria_label=ask.text("wizard.progress")),
        forms.SHOWN[step.name](look),
        h.div(".steps")[
            h.a(".button", href=f"/wizard/{before}")[ask.text("wizard.back")] if before else None,
            form(ask, f"/wizard/{step.name}", h.button(name="do", value="skip")[ask.text("wizard.skip")])
            if step.can_skip and step.name != NAMES[-1]
            else None,
        ],
        h.details[
            h.summary[ask.text("wizard.all_steps")],
            h.ol[
                (
                    h.li[
                        h.a(href=f"/wizard/{name}", aria_current="step" if name == step.name else None)[
                            ask.text(f"wizard.{name}")
                        ],
                        " ✓" if far == DONE or NAMES.index(name) < NAMES.index(far) else None,
                    ]
                    for name in NAMES
                )
            ],
        ],
        live=ask.request.path,
        fault=fault,
    )


async def _on(ask: Ask, step: Step) -> Answer:
    kept = (await _kept(ask)).get(STEP_KEY, "")
    await _keep(ask, {STEP_KEY: reached(kept, step.name)})
    following = after(step.name)
    return Redirect("/" if following == DONE else f"/wizard/{following}")


async def _kept(ask: Ask) -> dict[str, str]:
    return (await ask.call("hub", ReadSettings(prefix="web.wizard."))).values


async def _keep(ask: Ask, values: dict[str, str | None]) -> None:
    await ask.call("hub", ChangeSettings(values=values, by=ask.login))


def _answers(kept: Mapping[str, str]) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(kept.get(ANSWERS_KEY, "{}"), type=dict[str, Any])
    except msgspec.DecodeError:
        return {}
    return found


async def _configuration(ask: Ask) -> ConfigurationPage:
    return await ask.call("hub", ReadConfiguration(by=ask.login))


def _document(configuration: ConfigurationPage) -> dict[str, Any]:
    try:
        return loads(configuration.draft or configuration.file)
    except tomllib.TOMLDecodeError:
        return {}


def _flat(document: Mapping[str, Any], before: str = "") -> dict[str, str]:
    """Single values by their path, as forms show them; lists of texts with commas between."""
    found: dict[str, str] = {}
    for key, value in document.items():
        path = f"{before}{key}"
        if isinstance(value, Mapping):
            found |= _flat(value, f"{path}.")
        elif isinstance(value, bool):
            found[path] = "true" if value else "false"
        elif isinstance(value, str | int | float):
            found[path] = str(value)
        elif isinstance(value, list) and all(isinstance(one, str) for one in value):
            found[path] = msgspec.json.encode(value).decode()
    return found


async def _draft(ask: Ask, changes: dict[str, str]) -> ActionResult:
    if not changes:
        return ActionResult(ok=True, code="ok")
    return await ask.call("hub", WriteDraft(changes=changes, by=ask.login))


def _told(result: ActionResult) -> str:
    """What is wrong with a draft, in a line for each fault."""
    lines = [" · ".join(part for part in row if part) for row in result.table[1:]]
    return " ".join((result.text, *lines)).strip() or result.code


ROUTES = (
    get("/wizard", wizard, Right.CONFIGURE, is_safe_mode=True),
    get("/wizard/report", commissioning_report, Right.CONFIGURE, is_safe_mode=True),
    get("/wizard/{step}", step_page, Right.CONFIGURE, is_safe_mode=True, live=live_values),
    post("/wizard/{step}", step_done, Right.CONFIGURE, is_safe_mode=True),
)

__all__ = ["ROUTES", "live"]
