"""The life of an update: order, fetching, verifying, unpacking, waiting, leaving, being watched, kept or given back."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chargepoint import slots
from chargepoint.messages import ActionResult, CancelUpdate, InstallPackage, ReturnSoftware, SecurityNoted
from chargepoint.privileged import software
from chargepoint.vocabulary import ConnectorFlag, ConnectorStatus
from fota import kept
from fota.update import Stage
from tests.fota import parcels
from tests.fota.bench import CONNECTOR, START, Bench

GIVE_UP_S = 540
"""Of start.sh."""
URL = "http://files.example/new.cpk"
GOOD = ["Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallRebooting", "Installed"]


async def test_an_update_goes_from_order_to_installed_and_is_told_in_order(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0", floor="1.0.5.0"))
        assert (await bench.begin(URL)).code == "ok"
        await bench.stage("done", "failed")
        assert bench.updating.kept.stage == "done", bench.updating.kept
        await asyncio.sleep(1)
        assert bench.words == GOOD
        assert bench.exits == [10]
        assert bench.runs == "b" if bench.tree.name == "b" else "a"
        assert bench.deeds == ["stage_package", "keep_software"]
        stages = [state.stage for state in bench.states]
        assert stages == [
            "idle", "scheduled", "downloading", "verifying", "staging", "waiting", "installing", "checking", "done",
        ]  # fmt: skip
        assert bench.now.floor == "1.0.5.0"
        assert bench.now.last_outcome == "kept"
        assert [note.action for note in bench.notes] == stages[1:]
        assert bench.left_behind() == ["App.station.1.1.0.0.cpk"]


async def test_it_waits_until_nobody_charges(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        bench.show_well(charges=True)
        await bench.begin(URL, request_id=7)
        await bench.stage("waiting")
        await asyncio.sleep(100)
        assert bench.updating.kept.stage == "waiting"
        assert bench.now.text == "Connector 1 charges; wait or stop it."
        assert bench.told[-1] == ("InstallScheduled", 7)
        bench.show_well()
        await bench.stage("done")
        await asyncio.sleep(1)
        assert bench.told[-3:] == [("Installing", 7), ("InstallRebooting", 7), ("Installed", 7)]


async def test_where_the_policy_says_so_charges_are_ended_for_it(tmp_path: Path) -> None:
    async with Bench(tmp_path, while_charging="stop") as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        bench.show_well(charges=True)
        await bench.begin(URL)
        await bench.stage("installing")


async def test_that_only_charges_are_waited_for_is_told_and_nothing_else_counts_as_that(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        bench.show_well(charges=True)
        await bench.begin(URL, by="webconfig", install_at=START + timedelta(minutes=1))
        await bench.stage("waiting")
        assert not bench.now.is_due
        await asyncio.sleep(60)
        assert (bench.now.stage, bench.now.is_due) == ("waiting", True)
        await bench.buses["webconfig"].call("fota", CancelUpdate(by="olga"))
        assert (bench.now.stage, bench.now.is_due) == ("failed", False)


async def test_connectors_that_are_kept_free_for_it_do_not_hold_it_up(tmp_path: Path) -> None:
    async with Bench(tmp_path, while_charging="drain") as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        bench.show_well(charges=True)
        await bench.begin(URL)
        await bench.stage("waiting")
        closed = msgspec.structs.replace(CONNECTOR, status=ConnectorStatus.UPDATING, flags=ConnectorFlag.UPDATING)
        written = bench.buses["station"]
        written.set_state(
            "connector/1", closed
        )  # its controller gets firmware: that is waited for, but not drained for
        await asyncio.sleep(10)
        assert (bench.now.stage, bench.now.is_due) == ("waiting", False)
        written.set_state("connector/1", msgspec.structs.replace(closed, awaits_update=True))
        await bench.stage("installing")
        assert bench.now.is_due
        await bench.stage("checking")
        assert not bench.now.is_due


@pytest.mark.ocpp("5.19-begun")
async def test_it_is_fetched_and_installed_when_it_was_ordered_to_be(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        install_at = START + timedelta(hours=2)
        await bench.begin(URL, request_id=1, retrieve_at=START + timedelta(hours=1), install_at=install_at)
        await asyncio.sleep(3500)
        assert bench.server.asked == []
        assert bench.words == ["DownloadScheduled"]
        await asyncio.sleep(200)
        assert bench.updating.kept.stage == "waiting"
        assert bench.words[-1] == "InstallScheduled"
        await bench.stage("done")
        assert bench.clock.now() > install_at


async def test_a_broken_transfer_is_tried_again_and_goes_on_where_it_was(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        bench.server.cuts = 2
        await bench.begin(URL, retries=2, retry_interval_s=30, request_id=3)
        await bench.stage("pausing")
        assert bench.updating.kept.code == "cut"
        await bench.stage("done")
        half = len(bench.server.files[URL]) // 2
        assert bench.server.tries == [0, half, half]
        assert bench.words[:5] == ["Downloading", "DownloadPaused", "Downloading", "DownloadPaused", "Downloading"]


async def test_after_the_last_try_it_has_failed_and_nothing_is_left(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        bench.server.cuts = 9
        await bench.begin(URL, retries=1, retry_interval_s=5)
        await bench.stage("failed")
        assert bench.words[-1] == "DownloadFailed"
        assert len(bench.server.tries) == 2
        assert bench.left_behind() == []


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ({"product": "other"}, "other_product", ["Downloading", "DownloadFailed"]),
        ({"version": "0.9.0.0"}, "older", ["Downloading", "DownloadFailed"]),
        ({"hardware": ("arm64",)}, "other_hardware", ["Downloading", "DownloadFailed"]),
        ({"signer": "stranger"}, "unknown_key", ["Downloading", "InvalidSignature"]),
    ],
)
async def test_what_is_not_for_this_station_is_refused_before_the_rest_is_fetched(
    tmp_path: Path, more: dict[str, Any], code: str, words: list[str]
) -> None:
    async with Bench(tmp_path) as bench:
        given = dict(more)
        bench.serve(URL, parcels.application(tmp_path, given.pop("version", "1.1.0.0"), notes="n" * 3900, **given))
        bench.server.files[URL] += b"\0" * 100_000
        await bench.begin(URL, request_id=1)
        await bench.stage("failed")
        assert (bench.updating.kept.code, bench.words) == (code, words)
        assert bench.left_behind() == []
        assert bench.family.verified == 0


async def test_more_than_the_signed_length_is_not_fetched(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        bench.server.endless = True
        await bench.begin(URL)
        await bench.stage("failed")
        assert (bench.updating.kept.code, bench.words[-1]) == ("damaged", "DownloadFailed")
        assert bench.left_behind() == []


async def test_a_damaged_package_is_refused_when_all_of_it_is_here(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        content = parcels.application(tmp_path, "1.1.0.0").read_bytes()
        bench.server.files[URL] = content[:-40] + b"\1" + content[-39:]
        await bench.begin(URL, request_id=1)
        await bench.stage("failed")
        assert (bench.updating.kept.code, bench.words[-2:]) == ("damaged", ["Downloaded", "InstallVerificationFailed"])
        assert bench.left_behind() == []


async def test_a_version_that_is_never_well_makes_room_for_the_one_before(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        bench.new_is_well = False
        await bench.begin(URL)
        await bench.stage("failed")
        await asyncio.sleep(1)
        assert bench.exits == [10, 30]
        assert bench.runs == "factory"
        assert bench.words[-1] == "InstallationFailed"
        assert "service ocpp is hung" in bench.updating.kept.text
        assert bench.now.last_outcome == "returned"
        bench.new_is_well = True
        await bench.begin(URL)
        await bench.stage("failed")
        assert (bench.updating.kept.code, bench.exits) == ("did_not_hold", [10, 30])
        assert (await bench.begin(URL, by="webconfig")).ok  # somebody who looks at it may try it again
        await bench.stage("done")


async def test_a_version_that_start_sh_gave_up_is_reported_with_the_reason(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        await bench.begin(URL)
        await bench.stage("checking")
        await bench.leave(1)  # it crashed
        await bench.stage("failed")
        await asyncio.sleep(1)
        assert bench.words[-1] == "InstallationFailed"
        assert "exit code 1" in bench.updating.kept.text


async def test_without_start_sh_it_is_fetched_and_verified_and_said_why_not_installed(tmp_path: Path) -> None:
    async with Bench(tmp_path, is_really=False) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        await bench.begin(URL)
        await bench.stage("failed")
        assert bench.words == ["Downloading", "Downloaded", "SignatureVerified", "InstallationFailed"]
        assert "Nothing can be installed here because" in bench.updating.kept.text
        assert bench.left_behind() == []


async def test_who_switches_nothing_is_not_left_again_and_again(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        bench.switches = False
        await bench.begin(URL)
        await bench.stage("failed")
        assert bench.exits == [10, 10, 10]
        assert "start.sh does not run it" in bench.updating.kept.text


# ---------------------------------------------------------------------------------------------------- several doors


@pytest.mark.ocpp("5.19-last-wins")
async def test_one_update_at_a_time_and_the_same_door_may_replace_its_own(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        bench.server.speed = 1
        await bench.begin(URL, request_id=1)
        await bench.stage("downloading")
        refused = await bench.begin(URL, by="webconfig")
        assert (refused.code, refused.values["stage"]) == ("busy", "downloading")
        assert "asked for by ocpp" in refused.text
        bench.server.speed = 1000
        assert (await bench.begin(URL, request_id=2)).code == "replaces"
        await bench.stage("done")
        await asyncio.sleep(1)
        assert bench.told[:3] == [("Downloading", 1), ("DownloadFailed", 1), ("Downloading", 2)]
        assert bench.told[-1] == ("Installed", 2)


async def test_three_doors_at_once_begin_one_update(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        asked = [bench.begin(URL, by=door) for door in ("ocpp", "webconfig", "admin")]
        assert sorted(result.code for result in await asyncio.gather(*asked)) == ["busy", "busy", "ok"]


@pytest.mark.parametrize("stage", ["scheduled", "downloading", "pausing", "verifying", "staging", "waiting"])
async def test_it_can_be_cancelled_until_it_is_installed(tmp_path: Path, stage: str) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        bench.server.cuts = 1 if stage == "pausing" else 0
        bench.show_well(charges=True)
        await bench.begin(URL, retrieve_at=START + timedelta(seconds=60))
        await bench.until(lambda: bench.updating.kept.stage == stage)
        assert (await cancel(bench)).code == "ok"
        await bench.stage("failed")
        assert bench.updating.kept.code == "cancelled"
        assert bench.left_behind() == []
        assert bench.exits == []
        assert (await cancel(bench)).code == "nothing"


async def test_what_is_being_installed_is_not_cancelled(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        await bench.begin(URL)
        await bench.stage("checking")
        assert (await cancel(bench)).code == "too_late"
        assert (await bench.begin(URL)).code == "busy"


async def cancel(bench: Bench) -> ActionResult:
    return await bench.buses["webconfig"].call("fota", CancelUpdate(by="anna"))


async def test_what_was_cancelled_in_the_last_moment_is_not_installed(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        await bench.begin(URL)
        handlers = bench.updating._stages.by_stage
        waiting = handlers[Stage.WAITING]

        async def cancelled_as_it_ends(desk: Any) -> Any:
            result = await waiting(desk)
            desk.note(is_cancelled=True)
            return result

        handlers[Stage.WAITING] = cancelled_as_it_ends
        await bench.stage("failed", "done")
        assert (bench.updating.kept.stage, bench.updating.kept.code) == ("failed", "cancelled")
        assert bench.exits == []
        assert slots.read(bench.layout.slots).ready == ""


async def test_what_may_be_a_key_in_an_address_is_shown_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with Bench(tmp_path) as bench:
        await bench.begin("https://user:p@ss@files.example/new.cpk?X-Amz-Signature=5ecret", retries=0)
        await bench.stage("failed", "pausing")
        shown = f"{bench.states} {bench.notes} {bench.now} {caplog.text}"
        assert "https://files.example/new.cpk" in shown
        assert "5ecret" not in shown
        assert "ss@" not in shown


async def test_a_bad_address_is_refused_at_once(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        for url in ("file:///etc/passwd", "http://127.0.0.1/x", "gopher://x/y"):
            assert (await bench.begin(url)).code == "bad_location"
        assert bench.updating.kept.stage == "idle"


# ------------------------------------------------------------------------------------------------ cuts of the power


@pytest.mark.parametrize(
    "stage", ["scheduled", "downloading", "pausing", "verifying", "staging", "waiting", "installing", "checking"]
)
async def test_a_cut_at_any_stage_goes_on_after_it(tmp_path: Path, stage: str) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        bench.server.cuts = 1 if stage == "pausing" else 0
        await bench.begin(URL, retrieve_at=START + timedelta(seconds=60), retry_interval_s=10)
        await bench.stage(stage)
        await bench.cut()
        await bench.boot()
        await bench.stage("done", "failed")
        await asyncio.sleep(1)
        assert bench.updating.kept.stage == "done"
        assert bench.words[-1] == "Installed"
        assert bench.now.last_outcome == "kept"


async def test_two_cuts_of_a_version_on_trial_bring_the_one_before_back(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        await bench.begin(URL)
        await bench.stage("checking")
        for _ in range(2):
            await bench.cut()
            await bench.boot()
        await bench.stage("failed")
        assert bench.runs == "factory"


async def test_words_wait_for_ocpp_also_over_a_restart(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        bench.ocpp_is_there = False
        await bench.begin(URL)
        await bench.stage("done")
        assert bench.words == []
        assert bench.updating.is_busy
        await bench.cut()
        await bench.boot()
        bench.ocpp_is_there = True
        await bench.until(lambda: not bench.updating.kept.untold)
        assert bench.words == GOOD
        assert not bench.updating.is_busy


# -------------------------------------------------------------------------------------------------------- other kinds


async def test_web_pages_alone_leave_with_their_own_exit_code(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.web(tmp_path, "1.0.1.0"))
        await bench.begin(URL)
        await bench.stage("done")
        assert bench.exits == [12]


async def test_keys_are_taken_without_a_restart(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        events = bench.buses["station"].subscribe(SecurityNoted)
        bench.serve(URL, parcels.key_list(tmp_path, 5))
        await bench.begin(URL)
        await bench.stage("done")
        assert (await anext(events)).type == "FirmwareUpdated"
        await asyncio.sleep(1)
        assert bench.exits == []
        assert bench.words[-2:] == ["Installing", "Installed"]


async def test_a_package_that_is_here_is_installed_and_told_from_the_installation_on(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        file = parcels.application(tmp_path, "1.1.0.0")
        file.replace(bench.data / "packages" / file.name)
        install = InstallPackage(name=file.name, by="anna")
        assert (await bench.buses["webconfig"].call("fota", install)).code == "ok"
        await bench.stage("done")
        await asyncio.sleep(1)
        assert bench.words == ["Installing", "InstallRebooting", "Installed"]
        assert bench.now.by == "anna"


async def test_the_version_before_can_be_had_again(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        ask = ReturnSoftware(reason="it is too slow", by="anna")
        assert (await bench.buses["webconfig"].call("fota", ask)).code == "nothing"
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        await bench.begin(URL)
        await bench.stage("done")
        assert bench.now.previous_version == "1.0.0.0"
        assert (await bench.buses["webconfig"].call("fota", ask)).code == "ok"
        await bench.stage("done", "failed")
        assert bench.runs == "factory"
        assert bench.exits == [10, 30]
        assert "it is too slow" in bench.now.last_reason


async def test_a_way_back_that_has_to_wait_leads_back_all_the_same(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        await bench.begin(URL)
        await bench.stage("done")
        await asyncio.sleep(1)
        bench.ocpp_is_there = False  # a word that cannot be told keeps it here for some seconds
        bench.updating.note(untold=(kept.Telling("Installed", None),))
        ask = ReturnSoftware(reason="it is too slow", by="anna")
        assert (await bench.buses["webconfig"].call("fota", ask)).code == "ok"
        await bench.until(lambda: bench.updating.kept.stage == "installing")
        await asyncio.sleep(3)
        bench.show_well(charges=True)  # somebody begins to charge just then
        await bench.until(lambda: bench.updating.kept.stage == "waiting")
        assert slots.read(bench.layout.slots).current == "a"
        bench.show_well()
        await bench.stage("done", "failed")
        assert (bench.updating.kept.stage, bench.tree) == ("done", bench.layout.factory)


async def test_software_that_is_not_left_at_once_is_gone_back_from_once(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        await bench.begin(URL)
        await bench.stage("done")
        ask = ReturnSoftware(reason="it is too slow", by="anna")
        assert (await bench.buses["webconfig"].call("fota", ask)).code == "ok"
        await bench.until(lambda: bench.left.is_set())
        bench.left.clear()  # the hub said yes, and the software does not end
        await bench.stage("done", "failed")
        assert (bench.updating.kept.stage, bench.tree) == ("done", bench.layout.factory)


async def test_the_version_before_is_refused_when_it_is_below_the_floor(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0", floor="1.1.0.0"))
        await bench.begin(URL)
        await bench.stage("done")
        ask = ReturnSoftware(reason="it is too slow", by="anna")
        assert (await bench.buses["webconfig"].call("fota", ask)).code == "refused"


@pytest.mark.parametrize(("check_s", "give_up_s"), [(400, 60), (600, 60), (600, 3600), (10, 3600)])
async def test_whatever_the_times_say_a_good_version_is_kept_before_start_sh_gives_it_up(
    tmp_path: Path, check_s: int, give_up_s: int
) -> None:
    async with Bench(tmp_path, check_s=check_s, give_up_s=give_up_s) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        await bench.begin(URL)
        await bench.stage("checking")
        begun_s = asyncio.get_running_loop().time()
        await bench.stage("done", "failed")
        assert bench.updating.kept.stage == "done"
        assert asyncio.get_running_loop().time() - begun_s < GIVE_UP_S


async def test_a_bad_version_is_given_up_before_start_sh_does_it(tmp_path: Path) -> None:
    async with Bench(tmp_path, check_s=600, give_up_s=3600) as bench:
        bench.new_is_well = False
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        await bench.begin(URL)
        await bench.stage("checking")
        begun_s = asyncio.get_running_loop().time()
        await bench.stage("done", "failed")
        assert "service ocpp is hung" in bench.updating.kept.text
        assert asyncio.get_running_loop().time() - begun_s < GIVE_UP_S


async def test_where_giving_up_cannot_be_written_down_it_is_left_to_start_sh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Bench(tmp_path) as bench:
        bench.new_is_well = False
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        await bench.begin(URL)
        await bench.stage("checking")
        with monkeypatch.context() as disk:
            disk.setattr(software, "give_back", lambda _layout, _reason: "the disk is full")
            await asyncio.sleep(200)
            assert bench.exits == [10], "the same version would only come again"
        await bench.stage("failed")
        assert (bench.exits, bench.tree) == ([10, 30], bench.layout.factory)


async def test_a_version_on_trial_is_judged_also_when_its_update_is_lost(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        await bench.begin(URL)
        await bench.stage("checking")
        await bench.cut()
        (bench.data / "update.json").write_bytes(b"\0" * 100)
        await bench.boot()
        await bench.stage("done")
        assert bench.now.last_outcome == "kept"


async def test_a_full_disk_at_the_switch_does_not_lose_the_new_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Bench(tmp_path) as bench:
        bench.serve(URL, parcels.application(tmp_path, "1.1.0.0"))
        await bench.begin(URL)
        await bench.stage("waiting")
        monkeypatch.setattr(kept, "keep", lambda folder, what: False)
        await bench.until(lambda: bench.left.is_set())
        monkeypatch.undo()
        await bench.stage("done", "failed")
        await asyncio.sleep(1)
        assert bench.updating.kept.stage == "done"
        assert bench.words[-1] == "Installed"


async def test_a_package_of_a_stranger_is_a_security_event_through_any_door(tmp_path: Path) -> None:
    async with Bench(tmp_path) as bench:
        events = bench.buses["station"].subscribe(SecurityNoted)
        file = parcels.application(tmp_path, "1.1.0.0", signer="stranger")
        file.replace(bench.data / "packages" / file.name)
        refused = await bench.buses["hmi"].call("fota", InstallPackage(name=file.name, by="anna"))
        assert refused.code == "refused"
        event = await anext(events)
        assert event.type == "InvalidFirmwareSignature"
        assert "anna" in event.extra


# -------------------------------------------------------------------------------------------------- what is kept of it


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"stage": 5}', b"x" * (1 << 20)])
def test_what_cannot_be_read_is_no_update(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "update.json").write_bytes(content)
    assert kept.read(tmp_path) == kept.Kept()


def test_what_another_version_kept_is_read_as_far_as_it_is_known(tmp_path: Path) -> None:
    (tmp_path / "update.json").write_bytes(
        b'{"stage": "polishing", "order": {"by": "anna", "colour": "red"}, "more": 1}'
    )
    found = kept.read(tmp_path)
    assert (found.at_stage, found.order.by, found.order.tries) == ("failed", "anna", 1)
    again = kept.Kept(stage="waiting", order=kept.Order(by="anna"), untold=(kept.Telling("Installing", 4),))
    assert kept.keep(tmp_path, again)
    assert kept.read(tmp_path) == again
