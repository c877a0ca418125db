"""Power limits: the table of what bounds whom, the owner's limit, and a trial of the sharing (webconfig.md 8)."""

from __future__ import annotations

import asyncio
from datetime import datetime

import htpy as h

from chargepoint import actions
from chargepoint.guards import confirmed
from chargepoint.messages import ActionResult, ConnectorState, PowerState, UserLimitsState
from chargepoint.rights import Right
from webconfig.answers import Answer, Html, Problem, Redirect
from webconfig.ask import Ask
from webconfig.layout import card, choice, field, form, live, page, table
from webconfig.limits_table import COLUMNS, Bound, Limits, Row, limits_of, version_of
from webconfig.limits_trial import trial_card
from webconfig.power_trial import Wish, shares
from webconfig.routes import Values, get, post
from webconfig.turns import turn

PATH = "/limits"
WHENS = ("refuse", "spare", "all")
MOST_DAYS = 400


def limits_now(ask: Ask) -> Limits:
    """The table as it is now."""
    connectors = ask.site.all_of("connector/", ConnectorState).values()
    return limits_of(
        ask.site.context.settings,
        ask.site.state("power", PowerState),
        ask.site.state("user_limits", UserLimitsState),
        {each.number: each.session is not None for each in connectors},
        {each.number: each.reading.power_w for each in connectors if each.reading is not None},
    )


async def limits(ask: Ask) -> Answer:
    """GET /limits?edit=N: the table; of one connector (0: the station) the form below it."""
    notice = {"ok": "limits.done", "later": "limits.done_later"}.get(ask.query_text("done"), "")
    return Html(await _page(ask, ask.query_text("edit"), {}, notice=ask.text(notice) if notice else ""))


async def _page(
    ask: Ask,
    edit: str,
    given: dict[str, str],
    *,
    notice: str = "",
    fault: str = "",
    faults: dict[str, str] | None = None,
) -> h.Renderable:
    found = limits_now(ask)
    row = next((each for each in found.rows if str(each.connector) == edit), None)
    heads = [
        ask.text(f"limits.{key}") for key in ("h_what", *COLUMNS, "others", "shared", "resulting", "winner", "power")
    ]
    may = ask.may(Right.CONFIGURE)
    return page(
        ask,
        ask.text("limits.title"),
        h.link(rel="stylesheet", href="/static/modules.css"),
        table(
            [*heads, *([ask.text("limits.change")] if may else [])],
            (_row(ask, each, may) for each in found.rows),
            caption=ask.text("limits.title"),
        ),
        h.p(".soft")[ask.text("limits.rule")],
        _form(ask, found, row, given, faults or {}) if may and row is not None else None,
        await trial_card(ask),
        live=PATH,
        notice=notice,
        fault=fault,
    )


# ---------------------------------------------------------------------------------------------------- the table


def name_of(ask: Ask, connector: int) -> str:
    return ask.text("limits.connector", n=connector) if connector else ask.text("limits.station")


def _row(ask: Ask, row: Row, may: bool) -> list[h.Node]:
    values = _values(ask, row)
    cells: list[h.Node] = [name_of(ask, row.connector)]
    for key in (*COLUMNS, "others", "shared", "resulting", "winner", "power"):
        name = f"l{row.connector}.{key}"
        cells.append(live(name, values[name], class_=values.get(f"{name}@class")))
    if may:
        cells.append(h.a(".button", href=f"{PATH}?edit={row.connector}#edit")[ask.text("limits.change")])
    return cells


async def live_values(ask: Ask) -> Values:
    found: dict[str, str] = {}
    for row in limits_now(ask).rows:
        found.update(_values(ask, row))
    return found


def _values(ask: Ask, row: Row) -> dict[str, str]:
    found: dict[str, str] = {}
    star = f" ★ {ask.text('limits.holds')}"
    bounds = {key: getattr(row, key) for key in COLUMNS}
    for key, bound in bounds.items():
        is_winner = bound is not None and bound.name == row.winner
        found[f"l{row.connector}.{key}"] = written(ask, bound) + (star if is_winner else "")
        found[f"l{row.connector}.{key}@class"] = "won" if is_winner else ""
    extra = []
    if row.user is not None and row.user_until is not None:
        extra.append(ask.text("limits.until", at=ask.words.time(row.user_until)))
    if row.is_changing:
        extra.append(ask.text("limits.later", v=kw(ask, row.later_w)))
    if extra:
        found[f"l{row.connector}.user"] += f" ({'; '.join(extra)})"
    others = (
        f"{ask.words.one_of('limit', each.name)} {written(ask, each)}{star if each.name == row.winner else ''}"
        for each in row.others
    )
    found[f"l{row.connector}.others"] = "; ".join(others) or "–"
    is_shared = row.shared is not None and row.shared is row.resulting
    found[f"l{row.connector}.shared"] = written(ask, row.shared) + (star if is_shared else "")
    found[f"l{row.connector}.resulting"] = written(ask, row.resulting)
    found[f"l{row.connector}.winner"] = ask.words.one_of("limit", row.winner) if row.winner else "–"
    found[f"l{row.connector}.power"] = "–" if row.power_w is None else kw(ask, row.power_w)
    return found


def written(ask: Ask, bound: Bound | None) -> str:
    """A bound with its units."""
    if bound is None:
        return "–"
    parts = [] if bound.power_w is None else [kw(ask, bound.power_w)]
    parts += [] if bound.current_a is None else [ask.text("limits.a", v=ask.words.number(bound.current_a, 0))]
    return ", ".join(parts) or "–"


def kw(ask: Ask, power_w: float | None) -> str:
    return ask.text("limits.no_limit") if power_w is None else ask.text("limits.kw", v=ask.words.number(power_w / 1000))


# ---------------------------------------------------------------------------------------------------- the change


def _form(ask: Ask, found: Limits, row: Row, given: dict[str, str], faults: dict[str, str]) -> h.Node:
    running = sum(each.is_charging for each in found.rows if each.connector)
    kept = "" if row.user is None else f"{(row.user.power_w or 0.0) / 1000:g}"
    until = "" if row.user_until is None else row.user_until.astimezone().strftime("%Y-%m-%dT%H:%M")
    return card(
        ask.text("limits.edit", what=name_of(ask, row.connector)),
        h.p(".warn")[ask.text("limits.running", n=running)] if running else None,
        form(
            ask,
            "/limits/preview",
            h.input(type="hidden", name="connector", value=str(row.connector)),
            h.input(type="hidden", name="version", value=found.version),
            field(
                "kw", ask.text("limits.f_kw"), given.get("kw", kept), fault=faults.get("kw", ""),
                hint=ask.text("limits.f_kw_hint", most=ask.words.number(row.most_w / 1000)), inputmode="decimal",
            ),
            field(
                "until", ask.text("limits.f_until"), given.get("until", until), kind="datetime-local",
                fault=faults.get("until", ""), hint=ask.text("limits.f_until_hint"),
            ),
            choice(
                "when", ask.text("limits.f_when"), [(key, ask.text(f"limits.when_{key}")) for key in WHENS],
                given.get("when", "refuse"),
            )
            if running
            else None,
            h.button(".main", type="submit")[ask.text("limits.look")],
        ),
        id="edit",
    )  # fmt: skip


class _Wanted:
    """What was sent, checked. `arguments` are those of the deed."""

    def __init__(self, ask: Ask, given: dict[str, str]) -> None:
        self.given = given
        self.faults: dict[str, str] = {}
        self.found = limits_now(ask)
        number = given.get("connector", "")
        row = next((each for each in self.found.rows if str(each.connector) == number), None)
        if row is None:
            raise Problem(404, "not_found", ask.text("problem.not_found"))
        self.row = row
        self.limit_w = self._limit_w(ask, given.get("kw", "").strip().replace(",", "."))
        self.until = self._until(ask, given.get("until", "").strip())
        self.when = given.get("when", "refuse") if given.get("when") in WHENS else "refuse"

    def _limit_w(self, ask: Ask, text: str) -> int | None:
        if not text:
            return None
        try:
            value_w = float(text) * 1000
        except ValueError:
            value_w = -1.0
        if not 0 <= value_w <= self.row.most_w:
            self.faults["kw"] = ask.text("limits.bad_kw", most=ask.words.number(self.row.most_w / 1000))
            return None
        return int(value_w)

    def _until(self, ask: Ask, text: str) -> datetime | None:
        if not text or self.limit_w is None:
            return None
        now = ask.site.context.clock.now()
        try:
            until = datetime.fromisoformat(text).astimezone()
            is_ahead = 0 < (until - now).total_seconds() <= MOST_DAYS * 86_400
        except (ValueError, OverflowError):
            is_ahead, until = False, now
        if not is_ahead:
            self.faults["until"] = ask.text("limits.bad_until")
        return until

    @property
    def arguments(self) -> dict[str, int | str]:
        found: dict[str, int | str] = {"connector": self.row.connector}
        if self.limit_w is not None:
            found["limit_w"] = self.limit_w
        if self.until is not None:
            found["until"] = self.until.isoformat(timespec="minutes")
        if self.when != "refuse":
            found["running"] = 1
        if self.when == "spare":
            found["spare"] = 1
        return found


async def preview(ask: Ask) -> Answer:
    """POST /limits/preview: what would change for each car, and the button that does it."""
    given = ask.form()
    wanted = _Wanted(ask, given)
    if wanted.faults:
        return Html(await _page(ask, given.get("connector", ""), given, faults=wanted.faults), status=422)
    running = [each for each in wanted.found.rows if each.connector and each.is_charging]
    if running and wanted.when == "refuse":
        fault = ask.text("limits.busy")
        return Html(await _page(ask, given.get("connector", ""), given, fault=fault), status=422)
    then = await _then(ask, wanted, running)
    rows = [(name_of(ask, row.connector), written(ask, row.resulting), kw(ask, then[row.connector])) for row in running]
    value = kw(ask, wanted.limit_w)
    until = [] if wanted.until is None else [ask.text("limits.until", at=ask.words.time(wanted.until))]
    return Html(
        page(
            ask,
            ask.text("limits.preview"),
            h.p[h.strong[f"{name_of(ask, wanted.row.connector)}: {' '.join([value, *until])}"]],
            table([ask.text(f"limits.{key}") for key in ("h_what", "p_now", "p_then")], rows)
            if running
            else h.p[ask.text("limits.p_none")],
            form(
                ask,
                PATH,
                (
                    h.input(type="hidden", name=key, value=given.get(key, ""))
                    for key in ("connector", "version", "kw", "until", "when")
                ),
                h.button(".main", type="submit")[ask.text("limits.set", v=value)],
                h.a(".button", href=f"{PATH}?edit={wanted.row.connector}#edit")[ask.text("limits.back")],
            ),
            crumbs=[(ask.text("limits.title"), PATH)],
        )
    )


async def _then(ask: Ask, wanted: _Wanted, running: list[Row]) -> dict[int, float]:
    """W that each car that charges may have then, as the rules of the station share."""
    now_w = {row.connector: (row.resulting.power_w or 0.0) if row.resulting else 0.0 for row in running}
    if wanted.when == "spare":
        return now_w
    wishes, limits_w = {}, {}
    for row in running:
        asked = [each.power_w for each in (row.schedule, row.thermal, *row.others) if each and each.power_w is not None]
        wishes[row.connector] = Wish(min(asked, default=row.most_w))
        user_w = wanted.limit_w if row.connector == wanted.row.connector else row.user.power_w if row.user else None
        if user_w is not None:
            limits_w[row.connector] = user_w
    station = wanted.found.rows[0]
    station_w = float(wanted.limit_w) if wanted.row.connector == 0 and wanted.limit_w is not None else None
    if wanted.row.connector and station.resulting is not None:
        station_w = station.resulting.power_w
    answer = await asyncio.to_thread(shares, ask.site.context.settings, wishes, station_w, limits_w)
    return {each.connector: each.given_w for each in answer}


async def change(ask: Ask) -> Answer:
    """POST /limits: the change itself, refused when somebody else changed limits since the form was opened."""
    async with turn(ask, "limits"):
        return await _changed(ask, ask.form())


async def _changed(ask: Ask, given: dict[str, str]) -> Answer:
    wanted = _Wanted(ask, given)
    number = given.get("connector", "")
    if wanted.faults:
        return Html(await _page(ask, number, given, faults=wanted.faults), status=422)
    if given.get("version") != wanted.found.version:
        return Html(await _page(ask, number, {}, fault=ask.text("limits.meanwhile")), status=409)
    result = await set_limit(ask, wanted.arguments)
    if not result.ok:
        fault = ask.text("limits.busy") if result.code in ("busy", "not_now") else result.text or result.code
        return Html(await _page(ask, number, given, fault=fault), status=409)
    return Redirect(f"{PATH}?done={result.code}")


async def set_limit(ask: Ask, arguments: dict[str, int | str]) -> ActionResult:
    """Set an owner's limit by its deed; whoever asks has read what it does. Waits a moment for the new version."""
    before = version_of(ask.site.state("user_limits", UserLimitsState))
    passed = confirmed("user_limit", arguments, actions.ACTIONS["user_limit"].guard)
    result = await actions.carry_out(ask.site.context.bus, "user_limit", arguments, ask.asker, passed=passed)
    for _ in range(20):
        if not result.ok or version_of(ask.site.state("user_limits", UserLimitsState)) != before:
            break
        await asyncio.sleep(0.02)
    return result


ROUTES = (
    get(PATH, limits, Right.SEE, live=live_values),
    post("/limits/preview", preview, Right.CONFIGURE, body_bytes=4096),
    post(PATH, change, Right.CONFIGURE, body_bytes=4096),
)
