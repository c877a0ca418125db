"""TechnikMainMenu: who the station is and how it is, and the way to every page."""

from __future__ import annotations

from msgspec.structs import replace

from hmi.drawing.items import Picture
from hmi.screens import facts
from hmi.technician import facts as own
from hmi.technician.guarded import opens
from hmi.technician.kit import Button, StaffPage
from hmi.technician.paged import staff_page
from hmi.technician.sheet import Row, line, sheet
from hmi.technician.trouble import troubles

TILES = (
    ("ChargeControllerTestPage", "connectors", "plug"),
    ("TechnikTestSession", "test_session", "test"),
    ("TechnikTerminalPage", "terminal", "network"),
    ("TechnikModules", "modules", "module"),
    ("RfidReaderTestPage", "rfid", "card_reader"),
    ("TechnikDiagnostics", "diagnostics", "diagnostics"),
    ("TechnikJournal", "journal", "journal"),
    ("TechnikConfig", "configuration", "settings"),
    ("TechnikPcManagementPage", "computer", "computer"),
    ("TechnikUpdateControllerPage", "update", "update"),
    ("TechnikBindCard", "my_card", "card"),
    ("TechnikChangePassword", "my_password", "key"),
)


@staff_page("TechnikMainMenu")
def picture(page: StaffPage) -> Picture:
    seen, t = page.view.seen, page.t
    wrong = troubles(seen, page.words)
    tiles = []
    for screen, key, icon in TILES:
        tile = opens(page, screen, key, icon)
        if screen == "TechnikJournal" and wrong:
            tile = Button(name=tile.name, label=tile.label, icon="warning", badge=str(len(wrong)))
        tiles.append(replace(tile, is_tile=True))
    is_closed = page.desk.closes_station
    nav = [
        Button(
            name="staff:close_station", label=t("serve_drivers" if is_closed else "close_station"),
            kind="chosen" if is_closed else "plain", icon="disabled",
        )
    ]  # fmt: skip
    rows = [] if page.is_tight and not page.is_portrait else _rows(page, len(wrong))
    shop = seen.shop
    subtitle = f"{shop.model} {shop.serial} · {shop.version}".strip(" ·") if not rows else ""
    return sheet(
        page, t("title_menu"), rows, tiles, subtitle=subtitle, nav=nav, share=0.62, is_tiled=True,
    )  # fmt: skip


def _rows(page: StaffPage, wrong: int) -> list[Row]:
    seen, t = page.view.seen, page.t
    shop, station = seen.shop, seen.station
    rows = [
        Row(t("station_number"), shop.station_name),
        Row(t("model"), shop.model or "—"),
        Row(t("serial"), shop.serial or "—"),
        Row(t("version"), shop.version),
    ]
    if station is not None:
        rows += [
            Row(
                t("technical"), page.words(f"tstate.{station.technical.name}"), own.tone(station.technical.name == "OK")
            ),
            Row(t("logical"), page.words(f"lstate.{station.logical.name}")),
        ]
    linked = facts.has_link(seen)
    if linked is not None:
        rows.append(Row(t("server"), t("connected") if linked else page.words("app.offline"), own.tone(linked)))
    rows += own.climate_rows(page)
    rows.append(Row(t("incidents"), str(wrong), "good" if wrong == 0 else "warn"))
    if shop.card_alone:
        rows.append(line(t("card_alone"), "warn"))
    return rows
