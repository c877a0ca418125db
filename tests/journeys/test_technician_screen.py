"""Stories of a technician at the screen of a whole station (technician.md)."""

from __future__ import annotations

import re
from pathlib import Path

from chargepoint.messages import GrantAccess, SaveUser, ScreenState, TechnicianState, User
from chargepoint.vocabulary import ConnectorFlag, Role
from tests.journeys.rig import Rig, demo_text
from tests.journeys.screens import ScreenRig
from tests.journeys.steps import settle, show_card

PASSWORD, PIN, CARD = "Correct7Horse", "473829", "04DD11223344"


async def hire(rig: Rig, role: Role = Role.TECHNIK) -> None:
    user = User(login="boris", role=role, cards=(CARD,))
    result = await rig.bus.call("hub", SaveUser(user=user, password=PASSWORD, pin=PIN, by="root"))
    assert result.ok, result
    await rig.advance(1)


async def types(rig: ScreenRig, text: str) -> None:
    """Keys one after another, by the layers that have them."""
    for sign in text:
        wanted, key = "signs" if sign.isdigit() else "en", sign.lower()
        if rig.panel.target(f"staff:key:{key}") is None:
            await rig.touch(f"staff:layer:{wanted}")
        if sign.isupper():
            await rig.touch("staff:shift")
        await rig.touch(f"staff:key:{key}")


async def hold(rig: ScreenRig, name: str) -> None:
    await rig.until(lambda: rig.panel.target(name) is not None, 20)
    rig.panel.press(name)
    await rig.advance(6)
    rig.panel.release("staff:back")  # it was held, and means nothing more


async def log_in(rig: ScreenRig, password: str = PASSWORD) -> None:
    """From the screen saver by the station's number."""
    await rig.touch("touch")
    await hold(rig, "station_id")
    await rig.shows("TechnikLoginPage")
    await types(rig, "boris")
    await rig.touch("staff:enter")
    await rig.shows("TechnikPasswordPage")
    await types(rig, password)
    await rig.touch("staff:enter")


async def come_in(rig: ScreenRig) -> None:
    """By card and PIN, on whatever is shown."""
    await show_card(rig, CARD, "1")
    await rig.shows("TechnikPasswordPage")
    for digit in PIN:
        await rig.touch(f"staff:key:{digit}")
    await rig.touch("staff:enter")
    await rig.shows("TechnikMainMenu")


def who(rig: ScreenRig) -> str:
    state = rig._view.get("technician")
    return state.login if isinstance(state, TechnicianState) else ""


def flags(rig: Rig) -> ConnectorFlag:
    state = rig.state(1)
    return ConnectorFlag(0) if state is None else state.flags


async def confirm(rig: ScreenRig) -> None:
    """The button that names the deed; not at once, since such a touch means nothing."""
    await rig.until(lambda: rig.panel.target("staff:confirm") is not None, 10)
    await rig.advance(1)
    await rig.touch("staff:confirm")


async def solve(rig: ScreenRig) -> None:
    """Read the sum on the page, type its answer."""
    text = next(text for text in rig.panel.texts if re.match(r"\d+ \+ \d+ =", text))
    a, b = map(int, re.findall(r"\d+", text)[:2])
    await types(rig, str(a + b))


async def test_he_logs_in_reboots_a_controller_blocks_a_connector_and_is_reminded_of_it(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path) as rig:
        await hire(rig)
        await rig.awake()
        await log_in(rig)
        await rig.shows("TechnikMainMenu")
        await rig.until(lambda: who(rig) == "boris", 15)
        await rig.touch("staff:open:ChargeControllerTestPage")
        await rig.until(lambda: rig.screen == "ChargeControllerTestHPage", 10)
        await rig.touch("staff:do:reboot_controller:connector=1")
        await rig.shows("TechnikConfirmActionPage")
        await confirm(rig)
        await rig.until(lambda: rig.panel.target("staff:details") is not None, 60)
        assert any("Reboot controller 1: done" in text for text in rig.panel.texts), rig.panel.texts
        await rig.touch("staff:do:block:connector=1")
        await confirm(rig)
        await rig.until(lambda: ConnectorFlag.BLOCKED in flags(rig), 20)
        await rig.touch("staff:log_out")
        await rig.until(lambda: rig.panel.target("staff:leave") is not None, 10)
        assert any("Connector 1 is blocked" in text for text in rig.panel.texts)
        await rig.touch("staff:do:unblock:connector=1")
        await confirm(rig)
        await rig.until(lambda: ConnectorFlag.BLOCKED not in flags(rig), 20)
        await rig.touch("staff:leave")
        await rig.shows("MainMenu")
        await rig.until(lambda: who(rig) == "", 15)
        await settle(rig)


async def test_a_wrong_password_lets_nobody_in_and_five_make_him_wait(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path) as rig:
        await hire(rig)
        await rig.awake()
        await log_in(rig, "wrong")
        for _ in range(5):
            await rig.until(lambda: rig.panel.target("staff:key:w") is not None, 10)
            await types(rig, "wrong")
            await rig.touch("staff:enter")
        await rig.until(lambda: any("Too many wrong tries" in text for text in rig.panel.texts), 20)
        await types(rig, "x")
        assert rig.panel.target("staff:enter") is None
        state = rig._view.get("screen")
        assert isinstance(state, ScreenState) and state.technician == ""
        await rig.check()


async def test_a_card_and_its_pin_open_the_menu_and_every_page_can_be_looked_at(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path) as rig:
        await hire(rig)
        await rig.awake()
        await come_in(rig)
        pages = [target.name for target in rig.panel.picture.targets if target.name.startswith("staff:open:")]
        assert len(pages) == 12
        for page in pages:
            name = page.split(":")[2]
            await rig.touch(page)
            await rig.until(lambda name=name: rig.panel.picture.name.startswith(name[:16]), 10)  # type: ignore[misc]
            await rig.advance(2)
            for tab in [t.name for t in rig.panel.picture.targets if t.name.startswith("staff:show:")]:
                await rig.touch(tab)
            await rig.touch("staff:menu" if rig.panel.target("staff:menu") else "staff:back")
            await rig.shows("TechnikMainMenu")
        assert "FatalErrorWindowPH" not in rig.panel.names
        await rig.check()


async def test_who_is_let_in_from_afar_stops_all_in_an_emergency_and_clears_it(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path) as rig:
        await hire(rig)
        await rig.awake()
        assert (await rig.bus.call("hub", GrantAccess(login="boris", by="dispatcher"))).ok
        await rig.shows("TechnikLoginPage")
        await rig.touch("staff:enter")
        await rig.shows("TechnikMainMenu")
        await rig.touch("staff:stop_all")
        await rig.until(lambda: rig.status(1) == rig.status(2) == "EMERGENCY_OFF", 20)
        await rig.advance(2)
        assert rig.screen == "TechnikMainMenu"  # he is there to mend it
        assert any("Emergency stop: 1, 2" in text for text in rig.panel.texts)
        for number in (1, 2):
            await rig.touch("staff:open:ChargeControllerTestPage", f"staff:tab:{number}")
            await rig.touch(f"staff:do:clear_emergency:connector={number}")
            await confirm(rig)
            await rig.until(lambda n=number: rig.status(n) == "AVAILABLE", 60)  # type: ignore[misc]
            await rig.touch("staff:menu")
        await rig.touch("staff:log_out")
        await rig.shows("MainMenu")
        await settle(rig)


async def test_a_test_session_is_set_confirmed_by_a_sum_watched_and_reported(tmp_path: Path) -> None:
    async with ScreenRig(tmp_path, demo_text(1, 4)) as rig:
        await rig.online()
        await hire(rig)
        await rig.awake()
        await come_in(rig)
        rig.plug(1)
        await rig.until_status("READY")
        await rig.touch("staff:open:TechnikTestSession", "staff:set:energy:-")
        start = next(t.name for t in rig.panel.picture.targets if t.name.startswith("staff:do:start_test"))
        await rig.touch(start)
        await rig.shows("TechnikConfirmActionMathCheckPage")
        await solve(rig)
        await confirm(rig)
        await rig.until(lambda: rig.panel.target("staff:do:stop_test:connector=1") is not None, 60)
        await rig.until_status("CHARGING")
        await rig.advance(20)
        await rig.touch("staff:do:stop_test:connector=1")
        await rig.until(lambda: rig.panel.target("staff:show:reports") is not None, 60)
        await rig.touch("staff:show:reports")
        await rig.until(lambda: any("Report 1" in text for text in rig.panel.texts), 60)
        rig.unplug(1)
        await rig.until_status("AVAILABLE")
        await settle(rig)
