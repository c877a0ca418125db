"""RfidReaderTestPage: the readers, the number of a card in every way it can be written, the test of ten seconds."""

from __future__ import annotations

from hmi.drawing.items import Picture
from hmi.technician import facts, wordings
from hmi.technician.card_numbers import ways
from hmi.technician.guarded import deed
from hmi.technician.kit import Button, StaffPage
from hmi.technician.paged import staff_page
from hmi.technician.sheet import Row, head, line, sheet


@staff_page("RfidReaderTestPage")
def picture(page: StaffPage) -> Picture:
    t, seen = page.t, page.view.seen
    rows: list[Row] = []
    for name, reader in sorted(seen.readers.items()):
        rows += [
            head(f"{t('reader')} {name}"),
            Row(t("state"), t("answers_now") if reader.is_answering else t("silent"), facts.tone(reader.is_answering)),
            Row(t("cards"), str(reader.cards)),
        ]
        if reader.error:
            rows.append(Row(t("last_error"), wordings.phrase(page.words, reader.error), "warn"))
    if not seen.readers:
        rows.append(line(t("no_readers"), "warn"))
    running = page.desk.running
    if running is not None and running.action == "test_reader":
        rows.append(line(t("hold_card_thrice"), "warn"))
    outcome = page.desk.outcome
    if outcome is not None and outcome.action == "test_reader":
        rows += [Row("   ".join(cells), is_line=True, is_secret=True) for cells in outcome.result.table]
    rows.append(head(t("hold_card")))
    if page.desk.cards:
        card = page.desk.cards[-1]
        rows.append(Row(t("count"), str(len(page.desk.cards))))
        rows += [Row(label, value, is_secret=True) for label, value in ways(card.uid)]
    buttons: list[Button] = []
    for name in sorted(seen.readers):
        buttons += [deed(page, "test_reader", kind="main", reader=name), deed(page, "restart_reader", reader=name)]
    buttons.append(Button(name="staff:sound", label=t("sound_test"), icon="sound"))
    return sheet(page, t("rfid"), rows, buttons)
