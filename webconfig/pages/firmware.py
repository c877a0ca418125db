"""Updates: what is installed, how an update stands, packages that are here, what was updated before."""

from __future__ import annotations

import htpy as h

from chargepoint.bus import CallFailed, Unavailable
from chargepoint.messages import (
    ControllerImage,
    Package,
    PackagesPage,
    ReadJournal,
    ReadPackages,
    RemovePackage,
    UpdateState,
)
from chargepoint.records import JournalRow
from chargepoint.rights import Right
from chargepoint.vocabulary import EventType
from webconfig.answers import Answer, Html, Problem, Redirect
from webconfig.ask import Ask
from webconfig.journal_reading import read
from webconfig.layout import card, deed_button, facts, form, markup, page, table
from webconfig.machine.installed import SOFTWARE, Installed, installed
from webconfig.machine.updating import CAN_CANCEL, STEPS, UNDER_WAY, controllers, percent, step_of, update
from webconfig.oplog_lines import line_of
from webconfig.promises import promises
from webconfig.routes import Values, get, post

EVERY_S = 2.0
HISTORY = 20
PACKAGES_S = 10.0
AWAY = (Unavailable, CallFailed, TimeoutError)


async def firmware(ask: Ask) -> Answer:
    rows, why = await _history(ask)
    here = await packages(ask)
    return Html(
        page(
            ask,
            ask.text("firmware.title"),
            card(ask.text("firmware.update"), h.div(data_live="standing")[_standing(ask)]),
            card(ask.text("firmware.packages"), _packages(ask, here)),
            card(ask.text("firmware.another"), _another(ask)) if ask.may(Right.CONFIGURE) else None,
            card(ask.text("firmware.images"), _images(ask, here)) if here.images else None,
            card("", _installed(ask)),
            card(ask.text("firmware.history"), h.p(".fault")[why] if why else _past(ask, rows)),
            h.link(rel="stylesheet", href="/static/machine.css"),
            h.script(src="/static/firmware.js", defer=True),
            live="/firmware",
        )
    )


async def firmware_values(ask: Ask) -> Values:
    return {"standing@html": markup(_standing(ask))}


async def packages(ask: Ask) -> PackagesPage:
    """What is here; why it cannot be told stands in `problem`."""
    try:
        return await ask.site.context.bus.call("fota", ReadPackages(by=ask.login), PACKAGES_S)
    except AWAY as error:
        return PackagesPage(problem=str(error) or ask.text("firmware.silent"))


# ------------------------------------------------------------------------------------------------ how it stands


def _standing(ask: Ask) -> h.Element:
    """The update under way or the last one, step by step, and what can be done about it."""
    state = update(ask.site)
    is_under_way = state.stage in UNDER_WAY
    return h.div[
        facts(_facts(ask, state)),
        _steps(ask, state) if is_under_way else None,
        h.p(".fault", role="alert")[_failure(ask, state)] if state.stage == "failed" else None,
        _controllers(ask),
        h.div(".row")[
            deed_button(ask, "cancel_update") if state.stage in CAN_CANCEL else None,
            deed_button(ask, "return_software") if state.previous_version and not is_under_way else None,
        ],
    ]


def _facts(ask: Ask, state: UpdateState) -> list[tuple[str, h.Node]]:
    rows: list[tuple[str, h.Node]] = [(ask.text("firmware.stage"), ask.text(f"firmware.st_{state.stage}"))]
    if state.version or state.name:
        rows.append((ask.text("firmware.package"), f"{state.name} {state.version}".strip()))
    if state.location:
        rows.append((ask.text("firmware.from"), state.location))
    if state.at is not None and state.stage in ("scheduled", "waiting"):
        rows.append((ask.text("firmware.not_before"), ask.words.time(state.at)))
    if state.by:
        rows.append((ask.text("firmware.by"), state.by))
    if state.running_version:
        slot = ask.text(f"firmware.slot_{state.running_slot or 'none'}")
        rows.append((ask.text("firmware.running"), f"{state.running_version} · {slot}"))
    if state.previous_version:
        rows.append((ask.text("firmware.previous"), state.previous_version))
    if state.floor:
        rows.append((ask.text("firmware.floor"), state.floor))
    if state.last_outcome == "returned":
        rows.append((ask.text("firmware.returned"), state.last_reason or "–"))
    return rows


def _steps(ask: Ask, state: UpdateState) -> h.Element:
    here = step_of(state)
    done = percent(state)
    names = list(STEPS)
    return h.ol(".stages")[
        (
            h.li(aria_current="step" if step == here else None)[
                h.strong[ask.text(f"firmware.s_{step}")] if step == here else ask.text(f"firmware.s_{step}"),
                h.span(".soft")[" ✓ ", ask.text("firmware.step_done")]
                if names.index(step) < names.index(here)
                else None,
                [
                    h.progress(max="100", value=str(done), aria_label=ask.text(f"firmware.s_{step}")),
                    f" {done} % ",
                    _bytes(ask, state),
                ]
                if step == here and done is not None
                else None,
                h.p(".soft")[state.text] if step == here and state.text else None,
            ]
            for step in names
        )
    ]


def _bytes(ask: Ask, state: UpdateState) -> str:
    tries = ask.text("firmware.attempt", n=state.attempt, of=state.attempts) if state.attempts > 1 else ""
    if not state.size_bytes:
        return tries
    return f"{megabytes(ask, state.received_bytes)} / {megabytes(ask, state.size_bytes)} {tries}".strip()


def megabytes(ask: Ask, size: int) -> str:
    """`size` bytes in MB, with the decimal mark of the language."""
    return f"{ask.words.number(size / 1e6, 1)} MB"


def _failure(ask: Ask, state: UpdateState) -> str:
    key = f"firmware.why_{state.code}"
    told = ask.text(key) if ask.words.has(key) else ""
    return " ".join(part for part in (told, state.text) if part) or ask.text("firmware.st_failed")


def _controllers(ask: Ask) -> h.Node:
    rows = controllers(ask.site)
    if not rows:
        return None
    return table(
        [ask.text(f"firmware.c_{name}") for name in ("connector", "image", "version", "stage", "blocks", "attempt")],
        (
            (
                str(one.connector),
                one.image,
                f"{one.version_before or '?'} → {one.version_after or one.version or '?'}",
                h.span[ask.text(f"firmware.ct_{one.stage}"), h.br, h.span(".soft")[one.text]] if one.text
                else ask.text(f"firmware.ct_{one.stage}"),
                f"{one.block} / {one.blocks}" if one.blocks else "–",
                f"{one.attempt} / {one.attempts}",
            )
            for one in rows
        ),
        caption=ask.text("firmware.controllers"),
    )  # fmt: skip


# --------------------------------------------------------------------------------------------------- what there is


def _installed(ask: Ask) -> h.Node:
    """The software; the devices, of which there may be dozens, when they are asked for."""
    found = installed(ask.site)
    own = [one for one in found if one.kind in SOFTWARE]
    devices = [one for one in found if one.kind not in SOFTWARE]
    return [
        _versions(ask, own, ask.text("firmware.installed")),
        facts(promises(ask)),
        h.details[
            h.summary[ask.text("firmware.devices", n=len(devices))],
            _versions(ask, devices, ask.text("firmware.devices", n=len(devices))),
        ]
        if devices
        else None,
    ]


def _versions(ask: Ask, rows: list[Installed], caption: str) -> h.Node:
    return table(
        [ask.text(f"firmware.c_{name}") for name in ("what", "model", "version", "hardware", "serial")],
        (
            (
                h.span[h.strong[one.name], h.br, _kind(ask, one.kind)],
                one.model or "–",
                f"{one.version} {f'({one.built})' if one.built else ''}".strip() or "–",
                one.hardware or "–",
                one.serial or "–",
            )
            for one in rows
        ),
        caption=caption,
    )


def _kind(ask: Ask, kind: str) -> str:
    own = f"firmware.k_{kind}"
    return ask.text(own) if ask.words.has(own) else ask.words.one_of("kind", kind)


def _packages(ask: Ask, here: PackagesPage) -> h.Node:
    if here.problem and not here.packages:
        return h.p(".fault")[here.problem]
    may = ask.may(Right.CONFIGURE)
    head = [ask.text(f"firmware.c_{name}") for name in ("package", "version", "size", "status")]
    return table(
        [*head, *([ask.text("firmware.c_do")] if may else [])],
        (
            (
                h.span[h.strong[one.name], h.br, _about(ask, one)],
                one.version or "–",
                megabytes(ask, one.size_bytes),
                h.span(".fault")[one.problem] if one.problem else ask.text(f"firmware.p_{one.status}"),
                *([_package_deeds(ask, one)] if may else []),
            )
            for one in here.packages
        ),
        empty=ask.text("firmware.no_packages"),
    )


def _about(ask: Ask, one: Package) -> str:
    kind = ask.text(f"firmware.pk_{one.kind}") if one.kind else ""
    return " · ".join(part for part in (kind, one.hardware, one.notes) if part)


def _package_deeds(ask: Ask, one: Package) -> h.Node:
    can_install = one.status in ("new", "kept") and not one.problem
    return h.div(".row")[
        deed_button(ask, "install_package", ask.text("firmware.install"), name=one.name) if can_install else None,
        form(ask, f"/firmware/packages/{one.name}/remove")[
            h.button(type="submit", aria_label=f"{ask.text('firmware.remove')} {one.name}")[ask.text("firmware.remove")]
        ],
    ]


def _images(ask: Ask, here: PackagesPage) -> h.Node:
    """Firmware of controllers that packages brought, and the way to write it to one of them by hand."""
    may = ask.may(Right.CONFIGURE)
    head = [ask.text(f"firmware.c_{name}") for name in ("image", "version", "meant", "do")]
    return table(
        head if may else head[:-1],
        (
            (
                h.span[h.strong[f"{one.type} · {one.image}"], h.br, h.code[one.file]],
                one.version or "–",
                " · ".join(part for part in (_connectors(ask, one), one.model, one.hardware) if part),
                *([deed_button(ask, "update_controller", ask.text("firmware.write"), **_target(one))] if may else []),
            )
            for one in here.images
        ),
    )


def _connectors(ask: Ask, one: ControllerImage) -> str:
    return ", ".join(map(str, one.connectors)) or ask.text("firmware.all_connectors")


def _target(one: ControllerImage) -> dict[str, str]:
    only = {"connector": str(one.connectors[0])} if len(one.connectors) == 1 else {}
    return {"image": one.type, "file": one.file, **only}


def _another(ask: Ask) -> h.Node:
    """A package from this computer (needs the script: it goes in parts), or from an address."""
    words = ("wait", "sending", "done", "failed", "lost")
    said = {f"data_{name}": ask.text(f"firmware.u_{name}") for name in words}
    return [
        h.div("#upload", hidden=True, **said)[
            h.div(".field")[
                h.label(for_="package-file")[ask.text("firmware.file")],
                h.input("#package-file", type="file", accept=".cpk"),
                h.p(".hint")[ask.text("firmware.file_hint")],
            ],
            h.button("#send-package", type="button")[ask.text("firmware.send")],
            h.progress("#upload-done", max="100", value="0", hidden=True, aria_label=ask.text("firmware.send")),
            h.p("#upload-said", role="status"),
        ],
        h.noscript[h.p(".notice")[ask.text("firmware.no_script")]],
        h.p[ask.text("firmware.or_address")],
        deed_button(ask, "fetch_update"),
    ]


async def remove(ask: Ask) -> Answer:
    """The form beside a package."""
    answer = await ask.call("fota", RemovePackage(name=ask.place("name"), by=f"{ask.login} (web)"), PACKAGES_S)
    if not answer.ok:
        status = 404 if answer.code == "unknown" else 409
        raise Problem(status, answer.code, answer.text)
    return Redirect("/firmware")


# --------------------------------------------------------------------------------------------------------- history


async def _history(ask: Ask) -> tuple[list[JournalRow], str]:
    request = ReadJournal(before_seq=0, event_types=(EventType.FIRMWARE.value,), limit=HISTORY)
    try:
        return (await read(ask, request))[0], ""
    except Problem as problem:
        return [], problem.detail


def _past(ask: Ask, rows: list[JournalRow]) -> h.Node:
    lines = [line_of(row, {}, shows_cards=False) for row in rows]
    return table(
        [ask.text("firmware.c_when"), ask.text("firmware.c_event")],
        ((line.when, line.message or line.action) for line in lines),
        empty=ask.text("firmware.no_history"),
    )


NAME = "{name:[A-Za-z0-9][A-Za-z0-9._-]{0,99}}"

ROUTES = (
    get("/firmware", firmware, Right.SEE, live=firmware_values, live_s=EVERY_S, is_safe_mode=True),
    post(f"/firmware/packages/{NAME}/remove", remove, Right.CONFIGURE, is_safe_mode=True),
)
