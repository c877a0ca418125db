"""RfidReaderTestPage: the readers, the number of a card in every way it can be written, the test of ten seconds.

Cards mean nothing else while the page is open.
"""

from __future__ import annotations

from chargepoint.messages import ReaderState
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
    rows: list[Row] = _card(page)
    running = page.desk.running
    if running is not None and running.action == "test_reader":
        rows.append(line(t("hold_card_thrice"), "warn"))
    outcome = page.desk.outcome
    if outcome is not None and outcome.action == "test_reader":
        for at, (number, *rest) in enumerate(outcome.result.table[1:], 1):
            rows.append(Row(str(at), " · ".join([number, *rest]), is_secret=True))
    for name, reader in sorted(seen.readers.items()):
        rows += _reader(page, name, reader)
    if not seen.readers:
        rows.append(line(t("no_readers"), "warn"))
    buttons: list[Button] = []
    for name, reader in sorted(seen.readers.items()):
        buttons += [deed(page, "test_reader", kind="main", reader=name), deed(page, "restart_reader", reader=name)]
        why = "" if reader.can_signal else t("no_beep")
        buttons.append(Button(name=f"staff:beep:{name}", label=t("beep", reader=name), icon="sound", why=why))
    return sheet(page, t("rfid"), rows, buttons, is_own=True)


def _reader(page: StaffPage, name: str, reader: ReaderState) -> list[Row]:
    t = page.t
    rows = [
        head(f"{t('reader')} {name}"),
        Row(t("state"), t("answers_now") if reader.is_answering else t("silent"), facts.tone(reader.is_answering)),
    ]
    told = " · ".join(part for part in (reader.driver, reader.place) if part)
    if told:
        rows.append(Row(t("port"), told))
    named = " ".join(part for part in (reader.identity.vendor, reader.identity.model) if part)
    if named:
        rows.append(Row(t("model"), named))
    if reader.identity.firmware_version:
        rows.append(Row(t("firmware"), reader.identity.firmware_version))
    if reader.heard is not None:
        ago_s = facts.age_s(page, reader.heard.mono_s)
        rows.append(Row(t("heard"), facts.duration(page, ago_s), "" if ago_s < 120 else "old"))
    rows.append(Row(t("cards"), str(reader.cards)))
    if reader.polls:
        rows.append(Row(t("wrong_of"), t("of", a=reader.errors, b=reader.polls), "warn" if reader.errors else ""))
    if reader.refused or reader.held_back:
        rows.append(Row(t("refused"), f"{reader.refused} · {reader.held_back}"))
    if reader.error:
        rows.append(Row(t("last_error"), wordings.phrase(page.words, reader.error), "warn"))
    return rows


def _card(page: StaffPage) -> list[Row]:
    """The card that was held last."""
    t, cards = page.t, page.desk.cards
    rows = [head(t("hold_card"))]
    if not cards:
        return rows
    card = cards[-1]
    if card.refusal:
        rows.append(line(card.refusal, "warn"))
    if card.kind:
        rows.append(Row(t("kind"), card.kind))
    if card.read_ms is not None:
        rows.append(Row(t("read_time"), facts.number(page, card.read_ms, "ms", 0)))
    rows.append(Row(t("count"), str(max(card.count, len(cards)))))
    return rows + [
        Row(wordings.phrase(page.words, label), value, is_secret=True) for label, value in card.forms or ways(card.uid)
    ]
