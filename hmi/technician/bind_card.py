"""TechnikBindCard: a card is held to the reader, and bound to who is logged in, or unbound. At most 15 cards."""

from __future__ import annotations

from chargepoint.masking import mask
from chargepoint.messages import UsersPage
from hmi.drawing.items import Picture
from hmi.technician.kit import Button, StaffPage
from hmi.technician.paged import staff_page
from hmi.technician.sheet import Row, head, line, sheet

MOST_CARDS = 15


@staff_page("TechnikBindCard")
def picture(page: StaffPage) -> Picture:
    t, login = page.t, page.view.place.staff
    told = page.desk.replies.get("users")
    users = [row.user for row in told.users] if isinstance(told, UsersPage) else []
    own = next((user.cards for user in users if user.login.lower() == login.lower()), ())
    rows = [head(t("my_cards", n=len(own), most=MOST_CARDS))]
    rows += [line(mask(card)) for card in own]
    if not isinstance(told, UsersPage):
        rows.append(line(t("asking")))
    why_on, why_off = t("hold_card"), t("hold_card")
    if page.desk.cards:
        uid = page.desk.cards[-1].uid
        owner = next((user.login for user in users if uid in user.cards), "")
        rows += [head(t("card_read")), Row(t("number"), mask(uid)), Row(t("owner"), owner or t("nobody"))]
        is_own = bool(owner) and owner.lower() == login.lower()
        why_on = t("already_yours") if is_own else t("of_another") if owner else ""
        why_off = "" if is_own else t("not_yours")
        if not why_on and len(own) >= MOST_CARDS:
            why_on = t("too_many_cards", n=MOST_CARDS)
    else:
        rows.append(line(t("hold_card")))
    buttons = [
        Button(name="staff:bind:on", label=t("bind"), kind="main", why=why_on),
        Button(name="staff:bind:off", label=t("unbind"), why=why_off),
    ]
    return sheet(page, t("my_card"), rows, buttons)
