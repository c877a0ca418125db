"""The station file from the service menu: draft, trial with return, reload; factory reset and its proof of presence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from chargepoint import passwords, trial, whole_file
from chargepoint.bus import Bus
from chargepoint.clock import Clock
from chargepoint.config_kept import Versions
from chargepoint.household import Household
from chargepoint.messages import (
    ActionResult,
    ApplyDraft,
    CancelPlan,
    ChangeSettings,
    ConfigurationState,
    DraftsState,
    FactoryReset,
    KeepConfiguration,
    PrivilegedDeed,
    ReadConfiguration,
    ReadUsers,
    ReadVersion,
    ReadVersions,
    RebaseDraft,
    ReloadConfiguration,
    RestartNetwork,
    ReturnConfiguration,
    ReturnSeen,
    SaveUser,
    ServiceState,
    StationState,
    User,
    WriteDraft,
)
from chargepoint.one_process import in_process_bus
from chargepoint.reconfiguration import Reconfiguration
from chargepoint.storage.settings import SettingsStore
from chargepoint.vocabulary import LogicalStatus, OperatingMode, Role, TechnicalStatus
from tests.journeys.rig import ONE_AC


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MEMORY_KIB", 8)


class World:
    """The hub's part on buses; `left` are the exit codes it asked for."""

    def __init__(self, folder: Path, buses: dict[str, Bus]) -> None:
        self.config = folder / "station.toml"
        self.hub = folder / "hub"
        self.buses = buses
        self.left: list[int] = []

    @property
    def hmi(self) -> Bus:
        return self.buses["hmi"]

    def come_up(self, status: str = "running") -> None:
        """The station says that it works."""
        state = StationState(
            technical=TechnicalStatus.OK, logical=LogicalStatus.WORKING, mode=OperatingMode.NORMAL, operative=True,
            free_mode=False, can_record=True, connectors=(1,), power_limit_w=1.0, power_w=0.0,
        )  # fmt: skip
        self.buses["station"].set_state("station", state)
        service = ServiceState(name="station", status=status, pid=1, restarts=0, since_mono_s=0.0)
        self.buses["hub"].set_state("service/station", service)


@asynccontextmanager
async def a_world(folder: Path, boot: str = "boot-1") -> AsyncIterator[World]:
    hub = folder / "hub"
    hub.mkdir(exist_ok=True)
    config = folder / "station.toml"
    if not config.exists():
        config.write_text(ONE_AC.replace("set-by-the-rig", "127.0.0.1"))
    clock = Clock(boot, offset_s=1.8e9, source="system")
    store = await SettingsStore.open(hub, clock)
    try:
        async with in_process_bus("hub", "hmi", "station", "helper", "admin") as buses:
            world = World(folder, buses)
            changing = Reconfiguration(config, hub, store, buses["hub"], clock, world.left.append)
            await changing.begin()
            Household(store, buses["hub"]).tell()
            watching = asyncio.create_task(changing.watch())
            try:
                yield world
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
    finally:
        await store.close()


async def test_a_draft_is_checked_shown_as_a_difference_and_dropped(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        draft = WriteDraft(changes={"station.power_limit_w": "11000"}, by="boris")
        assert (await world.hmi.call("hub", draft)).code == "ok"
        page = await world.hmi.call("hub", ReadConfiguration())
        assert (page.ok, page.draft_by, page.faults) == (True, "boris", ())
        assert "-power_limit_w = 22_000" in page.difference
        assert "+power_limit_w = 11000" in page.difference
        bad = await world.hmi.call("hub", WriteDraft(changes={"station.power_limit_w": "-5"}, by="boris"))
        assert bad.code == "invalid"
        assert bad.table[0] == ("place", "found", "why", "remedy")
        assert "power_limit_w" in bad.table[1][0]
        assert (await world.hmi.call("hub", WriteDraft(changes={"speed": "5"}, by="b"))).code == "no_such_key"
        assert (await world.hmi.call("hub", WriteDraft(text="[station", by="b"))).code == "invalid"
        page = await world.hmi.call("hub", ReadConfiguration())
        assert "11000" in page.draft  # the good one stays
        assert (await world.hmi.call("hub", WriteDraft(by="boris"))).code == "dropped"
        assert (await world.hmi.call("hub", ReadConfiguration())).draft == ""
        assert (await world.hmi.call("hub", ApplyDraft(by="boris"))).code == "no_draft"
        assert world.left == []


async def test_an_applied_draft_that_comes_up_for_60_s_is_kept(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.hmi.call("hub", WriteDraft(changes={"station.power_limit_w": "11000"}, by="boris"))
        assert (await world.hmi.call("hub", ApplyDraft(by="boris"))).ok
        assert world.left == [30]
        assert "11000" in world.config.read_text()
    assert "on trial" in trial.at_start(tmp_path / "hub", tmp_path / "station.toml")
    async with a_world(tmp_path) as world:
        world.come_up()
        await asyncio.sleep(50)
        assert (await world.hmi.call("hub", ReadConfiguration())).trial == "on_trial"
        await asyncio.sleep(20)
        page = await world.hmi.call("hub", ReadConfiguration())
        assert (page.trial, world.left) == ("kept", [])
        assert "11000" in page.file
    assert trial.at_start(tmp_path / "hub", tmp_path / "station.toml") == ""


@pytest.mark.parametrize("status", ["", "parked", "restarting"])
async def test_one_that_does_not_come_up_returns_to_the_file_before(tmp_path: Path, status: str) -> None:
    async with a_world(tmp_path) as world:
        before = world.config.read_text()
        await world.hmi.call("hub", WriteDraft(changes={"station.power_limit_w": "11000"}, by="boris"))
        await world.hmi.call("hub", ApplyDraft(by="boris"))
    trial.at_start(tmp_path / "hub", tmp_path / "station.toml")
    async with a_world(tmp_path) as world:
        if status:
            world.come_up(status)
        await asyncio.sleep(175)
        assert world.left == []
        await asyncio.sleep(10)
        assert world.left == [30]
        assert world.config.read_text() == before
        assert (await world.hmi.call("hub", ReadConfiguration())).trial == "returned"


async def test_one_with_which_the_software_dies_returns_at_the_next_start(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        before = world.config.read_text()
        await world.hmi.call("hub", WriteDraft(changes={"station.power_limit_w": "11000"}, by="boris"))
        await world.hmi.call("hub", ApplyDraft(by="boris"))
    hub, config = tmp_path / "hub", tmp_path / "station.toml"
    assert trial.at_start(hub, config) == "a new station file is on trial"
    assert "is back" in trial.at_start(hub, config)
    assert config.read_text() == before
    assert trial.at_start(hub, config) == ""


async def test_a_file_that_cannot_be_written_is_told_and_nothing_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_world(tmp_path) as world:
        await world.hmi.call("hub", WriteDraft(changes={"station.power_limit_w": "11000"}, by="boris"))
        real = whole_file.write

        def write(path: Path, content: bytes) -> None:
            if path == world.config:
                raise PermissionError(13, "Permission denied")
            real(path, content)

        monkeypatch.setattr(whole_file, "write", write)
        result = await world.hmi.call("hub", ApplyDraft(by="boris"))
        assert (result.code, world.left) == ("cannot_write", [])
        assert trial.at_start(tmp_path / "hub", world.config) == ""


async def test_a_reload_takes_a_good_file_only(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        assert (await world.hmi.call("hub", ReloadConfiguration(by="boris"))).ok
        assert world.left == [30]
        world.config.write_text("[station]\nname = 5\n")
        assert (await world.hmi.call("hub", ReloadConfiguration(by="boris"))).code == "invalid"
        assert world.left == [30]


async def test_the_network_is_restarted_by_the_helper(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        asked: list[PrivilegedDeed] = []

        async def deed(request: PrivilegedDeed, _sender: str) -> ActionResult:
            asked.append(request)
            return ActionResult(ok=True, code="ok")

        world.buses["helper"].serve(PrivilegedDeed, deed)
        assert (await world.hmi.call("hub", RestartNetwork(by="boris"))).ok
        assert [(each.name, each.by) for each in asked] == [("restart_network", "boris (hmi)")]


@pytest.mark.parametrize(
    ("waited_s", "boot", "is_reset"), [(10, "boot-2", True), (10, "boot-1", False), (70, "boot-2", False)]
)
async def test_a_factory_reset_needs_the_power_to_go_off_within_60_s(
    tmp_path: Path, waited_s: float, boot: str, is_reset: bool
) -> None:
    async with a_world(tmp_path) as world:
        user = SaveUser(user=User("anna", Role.ADMINISTRATOR), password="Correct7Horse", by="root")
        assert (await world.buses["admin"].call("hub", user)).ok
        await world.hmi.call("hub", ChangeSettings(values={"access.white": "04AA"}, by="anna"))
        assert (await world.hmi.call("hub", FactoryReset(by="anna"))).code == "armed"
        await asyncio.sleep(waited_s)
    async with a_world(tmp_path, boot) as world:
        users = (await world.hmi.call("hub", ReadUsers())).users
        assert (len(users) == 0) is is_reset
    async with a_world(tmp_path, "boot-9") as world:
        assert (len((await world.hmi.call("hub", ReadUsers())).users) == 0) is is_reset


async def test_no_other_draft_is_applied_while_one_is_on_trial(tmp_path: Path) -> None:
    """It would take the place of the file to which the station returns."""
    async with a_world(tmp_path) as world:
        before = world.config.read_text()
        await world.hmi.call("hub", WriteDraft(changes={"station.power_limit_w": "11000"}, by="boris"))
        assert (await world.hmi.call("hub", ApplyDraft(by="boris"))).ok
        await world.hmi.call("hub", WriteDraft(changes={"station.power_limit_w": "12000"}, by="boris"))
        assert (await world.hmi.call("hub", ApplyDraft(by="boris"))).code == "busy"
        assert (tmp_path / "hub" / trial.BEFORE).read_text() == before


# ----------------------------------------------------------------------------- drafts, versions, plan, keep (the web)


async def test_drafts_are_personal_and_outlive_the_hub(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        web = world.buses["admin"]
        await web.call("hub", WriteDraft(changes={"station.power_limit_w": "11000"}, by="Anna"))
        await web.call("hub", WriteDraft(changes={"station.power_limit_w": "12000"}, by="boris"))
    async with a_world(tmp_path) as world:
        web = world.buses["admin"]
        hers = await web.call("hub", ReadConfiguration(by="anna"))
        assert "11000" in hers.draft and hers.others == ("boris",)
        told = world.buses["admin"].watch("drafts")
        assert await told.first("drafts") == DraftsState(by=("Anna", "boris"))
        assert "12000" in (await web.call("hub", ReadConfiguration(by="boris"))).draft
        assert (await web.call("hub", ReadConfiguration(by="carol"))).draft == ""
        write = WriteDraft(changes={"station.power_limit_w": "9000"}, by="anna", expected=hers.draft_version)
        assert (await web.call("hub", write)).ok
        assert (await web.call("hub", write)).code == "draft_changed"  # the second window
        assert (await world.hmi.call("hub", ApplyDraft(by="carol"))).code == "no_draft"


async def test_a_faulty_draft_is_kept_when_wished_and_never_applied(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        draft = WriteDraft(text="[station", by="boris", keeps_faults=True)
        assert (await world.hmi.call("hub", draft)).code == "faulty"
        assert (await world.hmi.call("hub", ReadConfiguration(by="boris"))).faults
        assert (await world.hmi.call("hub", ApplyDraft(by="boris"))).code == "invalid"
        assert world.left == []


async def test_a_file_changed_meanwhile_refuses_the_draft_until_the_two_are_joined(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.hmi.call("hub", WriteDraft(changes={"station.power_limit_w": "11000"}, by="boris"))
        theirs = world.config.read_text().replace("power_limit_w = 22_000", "power_limit_w = 21_000") + "# hers\n"
        world.config.write_text(theirs)
        refused = await world.hmi.call("hub", ApplyDraft(by="boris"))
        assert (refused.code, refused.values["by"]) == ("changed_meanwhile", "somebody at the machine")
        joined = await world.hmi.call("hub", RebaseDraft(by="boris"))
        assert joined.ok and joined.table[1:] == (("[station], power_limit_w",),)
        page = await world.hmi.call("hub", ReadConfiguration(by="boris"))
        assert "11000" in page.draft and "# hers" in page.draft
        assert (await world.hmi.call("hub", ApplyDraft(by="boris", base=page.version))).ok


async def test_what_takes_the_password_is_not_applied_lightly(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.hmi.call("hub", WriteDraft(changes={"station.name": "other"}, by="boris"))
        assert (await world.hmi.call("hub", ReadConfiguration(by="boris"))).is_grave
        assert (await world.hmi.call("hub", ApplyDraft(by="boris", is_light=True))).code == "grave"
        await world.hmi.call("hub", WriteDraft(by="boris"))
        await world.hmi.call("hub", WriteDraft(changes={"station.power_limit_w": "11000"}, by="boris"))
        assert (await world.hmi.call("hub", ApplyDraft(by="boris", is_light=True))).ok


async def applied(tmp_path: Path, **more: Any) -> str:
    """A draft of boris is applied and the software starts once; what stood there before."""
    async with a_world(tmp_path) as world:
        before = world.config.read_text()
        await world.hmi.call("hub", WriteDraft(changes={"station.power_limit_w": "11000"}, by="boris"))
        assert (await world.hmi.call("hub", ApplyDraft(by="boris", must_keep=True, comment="why", **more))).ok
    assert "on trial" in trial.at_start(tmp_path / "hub", tmp_path / "station.toml")
    return before


async def test_a_file_that_nobody_keeps_returns_and_says_why(tmp_path: Path) -> None:
    before = await applied(tmp_path)
    async with a_world(tmp_path) as world:
        world.come_up()
        view = world.buses["admin"].watch("configuration")
        await asyncio.sleep(62)
        state = view.get("configuration")
        assert isinstance(state, ConfigurationState) and (state.phase, state.by) == ("keep", "boris")
        await asyncio.sleep(62)
        assert world.left == [30] and world.config.read_text() == before
        page = await world.hmi.call("hub", ReadConfiguration())
        assert (page.trial, page.trial_reason) == ("returned", "Nobody kept it in time.")
        versions = (await world.hmi.call("hub", ReadVersions())).versions
        assert [(each.number, each.what, each.by) for each in versions] == [
            (2, "returned", "hub"), (1, "applied", "boris"), (0, "found", "somebody at the machine"),
        ]  # fmt: skip
        assert versions[1].comment == "why"
        assert (await world.buses["admin"].call("hub", ReadVersion(number=0))).text == before
    async with a_world(tmp_path) as world:
        state = await world.buses["admin"].watch("configuration").first("configuration")
        assert isinstance(state, ConfigurationState) and state.reason == "Nobody kept it in time."
        assert (await world.hmi.call("hub", ReturnSeen(by="anna"))).ok
    async with a_world(tmp_path) as world:
        await asyncio.sleep(2)
        assert world.buses["admin"].watch("configuration").get("configuration") is None
        assert (await world.hmi.call("hub", ReadConfiguration())).trial_reason  # the page still knows


@pytest.mark.parametrize(("at_s", "code"), [(10, "noted"), (90, "ok")])
async def test_a_person_keeps_it_while_it_is_watched_or_after(tmp_path: Path, at_s: float, code: str) -> None:
    await applied(tmp_path)
    async with a_world(tmp_path) as world:
        world.come_up()
        await asyncio.sleep(at_s)
        assert (await world.hmi.call("hub", KeepConfiguration(by="anna"))).code == code
        await asyncio.sleep(100)
        assert world.left == [] and "11000" in world.config.read_text()
        assert (await world.hmi.call("hub", ReadConfiguration())).trial == "kept"
        assert (await world.hmi.call("hub", KeepConfiguration(by="anna"))).code == "nothing_on_trial"


async def test_a_person_goes_back_at_once(tmp_path: Path) -> None:
    before = await applied(tmp_path)
    async with a_world(tmp_path) as world:
        world.come_up()
        await asyncio.sleep(5)
        assert (await world.hmi.call("hub", ReturnConfiguration(by="anna"))).ok
        await asyncio.sleep(3)
        assert world.left == [30] and world.config.read_text() == before


async def test_a_plan_waits_for_its_time_and_for_the_last_charge(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        world.come_up()
        await asyncio.sleep(1)  # the hub hears of the station, not yet of its connector: it may charge
        await world.hmi.call("hub", WriteDraft(changes={"station.power_limit_w": "11000"}, by="boris"))
        assert (await world.hmi.call("hub", ApplyDraft(by="boris", at="tomorrow"))).code == "bad_time"
        assert (await world.hmi.call("hub", ApplyDraft(by="boris", when_idle=True))).code == "planned"
        await asyncio.sleep(30)
        assert world.left == []
    async with a_world(tmp_path) as world:  # a restart does not forget it, and no station at all charges nobody
        assert (await world.hmi.call("hub", ReadConfiguration())).planned_by == "boris"
        await asyncio.sleep(3)
        assert world.left == [30] and "11000" in world.config.read_text()
    async with a_world(tmp_path) as world:
        assert (await world.hmi.call("hub", CancelPlan(by="boris"))).code == "nothing_planned"


async def test_safe_mode_begins_a_file_where_there_is_none_and_returns_to_none(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        text = world.config.read_text()
        world.config.unlink()
        await world.hmi.call("hub", WriteDraft(text=text, by="boris"))
        assert (await world.hmi.call("hub", ApplyDraft(by="boris", when_idle=True))).code == "ok"
        assert world.config.read_text() == text
    assert "on trial" in trial.at_start(tmp_path / "hub", tmp_path / "station.toml")
    assert "is back" in trial.at_start(tmp_path / "hub", tmp_path / "station.toml")
    assert not (tmp_path / "station.toml").exists()


def test_fifty_versions_and_the_first_are_kept(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    for n in range(60):
        versions.add(f"# {n}\n", "boris", "applied", "", "")
    numbers = [each.number for each in Versions(tmp_path).all()]
    assert numbers == [*range(59, 9, -1), 0]
    assert Versions(tmp_path).text(0) == "# 0\n"
