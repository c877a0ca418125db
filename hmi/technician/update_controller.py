"""TechnikUpdateControllerPage: firmware of the controllers. The transfer comes with the update service; it says so."""

from __future__ import annotations

from chargepoint.messages import DeviceState
from hmi.drawing.items import Picture
from hmi.technician import facts, said
from hmi.technician.guarded import deed
from hmi.technician.kit import StaffPage
from hmi.technician.paged import staff_page
from hmi.technician.sheet import Row, head, line, sheet


@staff_page("TechnikUpdateControllerPage")
def picture(page: StaffPage) -> Picture:
    t = page.t
    rows = [line(said.missing(page.words, "update_controller"), "warn"), head(t("versions_now"))]
    devices = [each for each in facts.of_kind(page, DeviceState) if each.kind in ("connector", "modules")]
    for each in devices:
        identity = each.identity
        version = identity.firmware_version or facts.NONE
        named = f"{identity.model} {version}".strip()
        called = f"{facts.named(page, 'kind', each.kind)} {each.name}"
        rows.append(Row(called, named, "" if each.is_answering else "bad"))
    rows += [head(t("files")), line(t("no_files"))]
    buttons = [deed(page, "update_controller", connector=n) for n in sorted(page.view.seen.connectors)]
    return sheet(page, t("update"), rows, [*buttons, deed(page, "update_software")])
