"""ConnectorError: E1 to E8 in plain words, what to do, the code small, phone and QR."""

from __future__ import annotations

from hmi.drawing.items import Picture
from hmi.screens import facts, large, message
from hmi.screens.frame import Action, frame, other_label
from hmi.screens.page import Page
from hmi.view import View

HEADLINES = {
    "E1": "err.no_talk", "E2": "err.prepare", "E3": "err.car", "E4": "err.end", "E5": "err.no_talk",
    "E6": "err.mechanics", "E7": "err.hot", "E8": "err.modules",
}  # fmt: skip
BY_CAUSE = {
    "insulation_failed": "err.insulation", "lock_failed": "err.lock", "residual_current": "err.insulation",
    "overheat": "err.hot", "ev_stopped": "err.car", "ev_silent": "err.no_talk", "modules_lost": "err.modules",
    "power_loss": "err.power", "door": "err.safety", "smoke": "err.safety", "flood": "err.safety",
}  # fmt: skip
UNPLUG_HELPS = frozenset({"E1", "E2", "E3", "E4", "E5", "E6", ""})
"""These end when the car is unplugged."""


def picture(view: View) -> Picture:
    page = Page(view, "ConnectorError")
    each = facts.here(view)
    words, palette = page.words, page.palette
    state, fields = each.state, view.place.fields
    code = (state.vendor_error_code if state is not None else "") or fields.get("code", "")
    code = code.split("_", 1)[0]
    cause = (state.cause if state is not None else "") or fields.get("cause", "")
    headline = words(BY_CAUSE.get(cause) or HEADLINES.get(code, "err.other"))
    others = facts.other_free(view.seen, each.number)
    advice = [words("err.unplug_retry")] if code in UNPLUG_HELPS else [words("err.wait")]
    if others:
        advice.append(words("conn.try_other", n=others[0]))
    phone = view.seen.shop.phone
    note = words("err.call", phone=phone, code=code or "—") if phone else words("err.code", code=code) if code else ""
    actions = []
    if others:
        label = other_label(page, others[0])
        actions.append(Action(name=f"tile:{others[0]}", label=label, kind="main", icon="next"))
    link = message.support_link(page, code)
    title = words("menu.connector", n=each.number)
    if page.is_large:
        texts = [headline, *advice, words("err.code", code=code) if code else ""]
        told = [large.Subject(text=text, icon="error", colour=palette.red) for text in texts if text]
        return large.story(view, "ConnectorError", title, [*told, *large.contact(page, link)], actions=actions)
    pages = message.pages_of(page, link)
    area = frame(page, title, actions=actions, pages=pages, subtitle=words("st.error"))
    if pages > 1 or page.is_portrait:
        note = words("err.code", code=code) if code else ""
    message.normal(page, area, "error", palette.red, headline, advice, note, link)
    return page.picture()
