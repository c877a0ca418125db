"""TechnikUpdateControllerPage: the update under way, packages here and on the stick, versions with the way back to the
one before, controllers."""

from __future__ import annotations

from chargepoint.controller_images import is_for
from chargepoint.messages import ControllerImage, DeviceState, FirmwareState, Package, PackagesPage, UpdateState
from drivers.interfaces import Identity
from hmi.drawing.items import Picture
from hmi.technician import facts, said
from hmi.technician.guarded import deed, shows, why
from hmi.technician.kit import Button, StaffPage
from hmi.technician.paged import staff_page
from hmi.technician.sheet import Row, head, line, sheet

PARTS = ("packages", "stick", "versions", "writing")
UNDER_WAY = ("scheduled", "downloading", "pausing", "verifying", "staging", "waiting")
"""Stages at which an update can be given up."""
SETTLED = ("idle", "done", "failed")
RETURNING = "return"
"""Picked on the tab of versions: why is asked."""
REASONS = ("charging", "screen", "server", "devices", "asked")
"""Why the version before is wanted again, as texts `return_...`: nobody types with gloves. Neither commas nor `=` in
them, as they travel in the name of a target."""
TONES = {"done": "good", "failed": "bad", "pausing": "warn"}


@staff_page("TechnikUpdateControllerPage")
def picture(page: StaffPage) -> Picture:
    show = page.view.place.fields.get("show") or PARTS[0]
    tabs = [shows(page, part, f"part_{part}", PARTS[0]) for part in PARTS]
    parts = {"versions": _versions, "writing": _writing}
    state = next(iter(facts.of_kind(page, UpdateState)), UpdateState())
    if show == "versions" and page.view.place.fields.get("pick") == RETURNING and _can_return(state):
        return sheet(page, page.t("update"), _returning(page, state), _reasons(page), tabs=tabs)
    rows = [*_standing(page, state), *parts.get(show, _packages)(page)]
    return sheet(page, page.t("update"), rows, _buttons(page, show, state), tabs=tabs)


def _can_return(state: UpdateState) -> bool:
    return bool(state.previous_version) and state.stage in SETTLED


def _returning(page: StaffPage, state: UpdateState) -> list[Row]:
    """What would run again, and the question why."""
    return [
        Row(page.t("version"), f"{state.running_version or facts.NONE} → {state.previous_version}"),
        line(said.effect(page.words, "return_software", {})),
        head(page.t("return_why")),
        line(page.t("return_hint")),
    ]


def _reasons(page: StaffPage) -> list[Button]:
    """A button for each reason; each leads to the guard of the deed."""
    told = [page.t(f"return_{each}") for each in REASONS]
    return [deed(page, "return_software", label=reason, reason=reason) for reason in told]


def _standing(page: StaffPage, state: UpdateState) -> list[Row]:
    """How the update under way stands, or how the last one ended."""
    if state.stage == "idle":
        rows = []
    else:
        done = "" if state.percent is None else f" · {state.percent} %"
        told = f"{page.t(f'stage_{state.stage}')}{done}"
        rows = [Row(f"{state.name or state.kind} {state.version}".strip(), told, TONES.get(state.stage, ""))]
        rows += [line(state.text, TONES.get(state.stage, ""))] if state.text else []
    if state.last_outcome == "returned":
        rows.append(line(page.t("version_returned", why=state.last_reason), "warn"))
    return rows


def _page_of(page: StaffPage, show: str) -> PackagesPage | None:
    found = page.desk.replies.get("packages on stick" if show == "stick" else "packages")
    return found if isinstance(found, PackagesPage) else None


def _shown(page: StaffPage, show: str) -> list[Package]:
    told = _page_of(page, show)
    return [each for each in (told.packages if told else ()) if (each.status == "usb") == (show == "stick")]


def _packages(page: StaffPage) -> list[Row]:
    show = page.view.place.fields.get("show") or PARTS[0]
    told = _page_of(page, show)
    rows = [line(told.problem, "bad")] if told is not None and told.problem else []
    for each in _shown(page, show):
        size = facts.number(page, each.size_bytes / 1e6, "MB", 1)
        rows.append(Row(each.name, " · ".join(part for part in (each.version, each.hardware, size) if part)))
        rows += [line(each.problem, "bad")] if each.problem else []
        rows += [Row("SHA-256", each.sha256[:16], "old")] if each.sha256 else []
    if told is None:
        return [line(page.t("reading_stick" if show == "stick" else "nothing_known"), "old")]
    return rows or [line(page.t("no_stick" if show == "stick" else "no_files"))]


def _versions(page: StaffPage) -> list[Row]:
    state = next(iter(facts.of_kind(page, UpdateState)), UpdateState())
    rows = [Row(page.t("version"), f"{state.running_version or facts.NONE} {state.running_slot}".strip())]
    if state.previous_version:
        rows.append(Row(page.t("version_before"), state.previous_version))
    rows.append(head(page.t("versions_now")))
    for each in facts.of_kind(page, DeviceState):
        if each.kind in ("connector", "modules"):
            identity = each.identity
            named = f"{identity.model} {identity.firmware_version or facts.NONE}".strip()
            called = f"{facts.named(page, 'kind', each.kind)} {each.name}"
            rows.append(Row(called, named, "" if each.is_answering else "bad"))
    return rows


def _writing(page: StaffPage) -> list[Row]:
    """Firmware being written to controllers, block by block, or how it ended."""
    rows = []
    for each in sorted(facts.of_kind(page, FirmwareState), key=lambda one: one.connector):
        blocks = f" · {page.t('of', a=each.block, b=each.blocks)}" if each.blocks else ""
        told = f"{page.t(f'writing_{each.stage}')}{blocks} · {page.t('try_of', a=each.attempt, b=each.attempts)}"
        tone = {"done": "good", "failed": "bad"}.get(each.stage, "")
        called = f"{page.words('menu.connector', n=each.connector)} · {each.image}"
        rows.append(Row(called, told, tone))
        rows.append(Row("", f"{each.version_before or '?'} → {each.version_after or each.version or '?'}"))
        rows += [line(each.text, tone)] if each.text else []
    rows = rows or [line(page.t("nothing_written"))]
    if _images(page):
        rows.append(head(page.t("images_here")))
    for image in _images(page):
        meant = ", ".join(map(str, image.connectors)) or page.t("any_connector")
        rows.append(Row(f"{image.type} {image.version}", f"{image.image} · {meant}"))
    return rows


def _images(page: StaffPage) -> tuple[ControllerImage, ...]:
    told = _page_of(page, "writing")
    return told.images if told is not None else ()


def _write(page: StaffPage) -> list[Button]:
    """For each controller the images that are meant for it."""
    identities = {each.name: each.identity for each in facts.of_kind(page, DeviceState) if each.kind == "connector"}
    return [
        deed(
            page, "update_controller", label=page.t("write_image", n=number, image=f"{image.type} {image.version}"),
            connector=number, image=image.type, file=image.file,
        )
        for number in sorted(page.view.seen.connectors)
        for image in _images(page)
        if is_for(image, number, identities.get(str(number), Identity()))
    ]  # fmt: skip


def _buttons(page: StaffPage, show: str, state: UpdateState) -> list[Button]:
    buttons = [deed(page, "cancel_update")] if state.stage in UNDER_WAY else []
    if show == "versions" and _can_return(state):
        label = page.t("return_to", version=state.previous_version)
        buttons.append(Button(name=f"staff:pick:{RETURNING}", label=label, why=why(page, "return_software", {})))
    if show == "writing":
        buttons += _write(page)
    if show in ("packages", "stick"):
        action = "update_software" if show == "stick" else "install_package"
        buttons += [
            deed(page, action, label=said.verb(page.words, "install_package", {"name": each.name}), name=each.name)
            for each in _shown(page, show)
            if not each.problem and each.status != "partial"
        ]
    return buttons
