"""Staging: what lands in the free slot is what was signed, whole, or nothing does."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from chargepoint import slots as slots_of
from fota import sealing, trees
from fota.container import Content, Refused
from fota.stage import Staged, read_controllers, stage, stored_name
from fota.want import read_release
from tests.fota import parcels
from tests.fota.parcels import PRODUCT_KEY, Machine

WEB = "lib/python3.11/site-packages/webconfig/__init__.py"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def run_version(machine: Machine, file: Path) -> None:
    """Stage it, switch to it and keep it."""
    done = stage(file, machine.place)
    assert done.ok, done
    slots_of.switch(machine.place.slots)
    slots_of.start(machine.place.slots, machine.place.factory)
    slots_of.keep(machine.place.slots)


def no_residue(machine: Machine) -> bool:
    return not (machine.place.slots / ".staging").exists() and not list(machine.place.slots.rglob("*.new"))


def test_an_application_lands_whole_in_the_free_slot(machine: Machine, tmp_path: Path) -> None:
    staged = stage(parcels.application(tmp_path, "1.1.0.0", floor="1.0.5.0"), machine.place)
    assert (staged.ok, staged.slot, staged.version, staged.kind) == (True, "a", "1.1.0.0", "application")
    state = slots_of.read(machine.place.slots)
    assert (state.ready, state.versions["a"]["floor"]) == ("a", "1.0.5.0")
    assert state.versions["a"]["sha256"] == staged.sha256
    tree = machine.place.slots / "a"
    expected = parcels.grow_tree(tmp_path / "expected", "1.1.0.0")
    assert parcels.contents(tree).keys() == parcels.contents(expected).keys()
    assert "VERSION = '1.1.0.0'" in (tree / "lib/python3.11/site-packages/chargepoint/__init__.py").read_text()
    assert staged.bytes_written == sum(
        path.lstat().st_size for path in tree.rglob("*") if path.is_file() and not path.is_symlink()
    )
    assert no_residue(machine)


@pytest.mark.parametrize("packing", ["xz", "gz"])
def test_rights_are_two_and_times_are_kept(machine: Machine, tmp_path: Path, packing: str) -> None:
    entries = [*parcels.app_entries("1.1.0.0"), parcels.Entry(f"{parcels.PREFIX}/wide", b"x", mode=0o777)]
    entries += [
        parcels.folder(f"{parcels.PREFIX}/open", 0o777),
        parcels.Entry(f"{parcels.PREFIX}/tight", b"", mode=0o200),
    ]
    before = os.umask(0o077)
    try:
        assert stage(parcels.application(tmp_path, "1.1.0.0", entries=entries, packing=packing), machine.place).ok
    finally:
        os.umask(before)
    tree = machine.place.slots / "a"
    modes = {path.name: path.stat().st_mode & 0o7777 for path in tree.iterdir()}
    assert (modes["wide"], modes["open"], modes["tight"], modes["lib"]) == (0o755, 0o755, 0o644, 0o755)
    assert tree.stat().st_mode & 0o7777 == 0o755
    assert (tree / "wide").stat().st_mtime == 1_700_000_000
    assert {path.lstat().st_uid for path in tree.rglob("*")} == {os.getuid()}


def test_long_names_and_pax_headers_are_read(machine: Machine, tmp_path: Path) -> None:
    name = f"{parcels.PREFIX}/" + "/".join(["n" * 60] * 4)
    folders = [name[:at] for at in range(len(parcels.PREFIX) + 1, len(name)) if name[at] == "/"]
    entries = [*parcels.app_entries("1.1.0.0"), *map(parcels.folder, folders)]
    entries += [parcels.Entry(name, b"deep", pax={"mtime": "1.5"}), parcels.Entry(f"{parcels.PREFIX}/имя", b"x")]
    assert stage(parcels.application(tmp_path, "1.1.0.0", entries=entries), machine.place).ok
    assert (machine.place.slots / "a" / name.removeprefix(parcels.PREFIX + "/")).read_bytes() == b"deep"


def test_everything_is_on_the_disk_before_the_slot_is_touched(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real_sync, real_open_slot = trees.sync, slots_of.open_slot

    def sync(path: Path) -> None:
        synced.append(str(path))
        real_sync(path)

    def open_slot(slots: Path) -> Path:
        root = slots / ".staging"
        expected = {str(path) for path in [root, *root.rglob("*")] if not path.is_symlink()}
        assert expected <= set(synced)
        return real_open_slot(slots)

    monkeypatch.setattr(trees, "sync", sync)
    monkeypatch.setattr(slots_of, "open_slot", open_slot)
    assert stage(parcels.application(tmp_path, "1.1.0.0"), machine.place).ok
    assert synced[-1] == str(machine.place.slots)


def test_web_pages_are_the_running_tree_with_other_pages(machine: Machine, tmp_path: Path) -> None:
    run_version(machine, parcels.application(tmp_path, "1.1.0.0", floor="1.1.0.0"))
    before = parcels.contents(machine.place.slots / "a")
    staged = stage(parcels.web(tmp_path, "1.1.0.7", fits=("1.1.*",)), machine.place)
    assert (staged.ok, staged.slot) == (True, "b")
    assert staged.bytes_written < 300
    a, b = machine.place.slots / "a", machine.place.slots / "b"
    assert (b / WEB).read_text() == "WEB = '1.1.0.7'\n"
    assert read_release(b) == msgspec.structs.replace(read_release(a), web_version="1.1.0.7")
    assert (a / "bin/chargepoint").samefile(b / "bin/chargepoint")
    assert parcels.contents(a) == before
    changed = {name for name, what in parcels.contents(b).items() if before.get(name) != what}
    assert changed == {WEB, "release.json"}
    told = slots_of.read(machine.place.slots).versions["b"]
    assert (told["version"], told["web_version"], told["floor"]) == ("1.1.0.0", "1.1.0.7", "1.1.0.0")
    slots_of.switch(machine.place.slots)
    assert slots_of.start(machine.place.slots, machine.place.factory) == b.resolve()


def test_the_tree_is_copied_where_it_cannot_be_linked(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_names: Any, **_more: Any) -> None:
        raise OSError(errno.EXDEV, "another file system")

    monkeypatch.setattr(os, "link", link)
    assert stage(parcels.web(tmp_path, "1.0.0.1"), machine.place).ok
    copied = machine.place.slots / "a/bin/chargepoint"
    assert copied.stat().st_mode & 0o777 == 0o755
    assert not copied.samefile(machine.place.factory / "bin/chargepoint")


def test_controller_images_replace_those_before(machine: Machine, tmp_path: Path) -> None:
    first, second = os.urandom(3000), os.urandom(5000)
    assert stage(parcels.controllers(tmp_path, "2.0.0.0", {"main.bin": first, "old.bin": b"o"}), machine.place).ok
    staged = stage(parcels.controllers(tmp_path, "2.1.0.0", {"main.bin": second}), machine.place)
    assert (staged.ok, staged.slot) == (True, "")
    info = read_controllers(machine.place.slots)
    assert info is not None and info.version == "2.1.0.0"
    folder = machine.place.slots / "controllers"
    assert (folder / stored_name(info.targets[0])).read_bytes() == second
    assert {path.name for path in folder.iterdir()} == {"info.json", stored_name(info.targets[0])}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}
    assert stage(parcels.controllers(tmp_path, "2.0.0.0", {"main.bin": first}), machine.place).code == "older"
    assert stage(parcels.controllers(tmp_path, "2.1.0.0", {"main.bin": second}), machine.place).code == "same"
    assert read_controllers(machine.place.slots) == info


@pytest.mark.parametrize(
    ("images", "told"),
    [
        ({"main.bin": b"x"}, {"main.bin": b"y"}),
        ({"main.bin": b"xx"}, {"main.bin": b"x"}),
        ({"main.bin": b"x", "more.bin": b"x"}, {"main.bin": b"x"}),
        ({"main.bin": b"x"}, {"main.bin": b"x", "more.bin": b"x"}),
        ({"../main.bin": b"x"}, {"main.bin": b"x"}),
    ],
)
def test_other_images_than_the_named_ones_are_refused(
    machine: Machine, tmp_path: Path, images: dict[str, bytes], told: dict[str, bytes]
) -> None:
    targets = [parcels.target(name, content, "1") for name, content in told.items()]
    staged = stage(parcels.controllers(tmp_path, "2.0.0.0", images, targets), machine.place)
    assert staged.code in {"bad_archive", "damaged"}
    assert read_controllers(machine.place.slots) is None
    assert no_residue(machine)


# ------------------------------------------------------------------------------------------------ what is refused


def nothing_happened(machine: Machine, staged: Staged, code: str) -> None:
    assert (staged.ok, staged.code, staged.slot) == (False, code, "")
    assert no_residue(machine)
    assert slots_of.read(machine.place.slots) == slots_of.Slots()
    assert not (machine.place.slots / "a").exists()


@pytest.mark.parametrize("content", [None, b"", bytes(31), bytes(33), bytes(32), bytes(160)])
def test_without_its_product_key_a_station_opens_nothing(
    machine: Machine, tmp_path: Path, content: bytes | None
) -> None:
    (machine.place.keys / "product.key").unlink()
    if content is not None:
        (machine.place.keys / "product.key").write_bytes(content)
    nothing_happened(machine, stage(parcels.application(tmp_path, "1.1.0.0"), machine.place), "no_product_key")


def test_while_the_product_key_is_changed_both_open(machine: Machine, tmp_path: Path) -> None:
    new = bytes(32)
    for_both = parcels.application(tmp_path, "1.1.0.0", product_keys=(new, PRODUCT_KEY))
    assert stage(for_both, machine.place, is_plan=True).ok
    (machine.place.keys / "product.key").write_bytes(new)
    assert stage(for_both, machine.place, is_plan=True).ok
    (machine.place.keys / "product.key").write_bytes(new + PRODUCT_KEY)
    assert stage(parcels.application(tmp_path, "1.1.0.0"), machine.place, is_plan=True).ok


def test_a_plan_changes_nothing(machine: Machine, tmp_path: Path) -> None:
    assert stage(parcels.application(tmp_path, "1.1.0.0"), machine.place, is_plan=True).ok
    assert {path.name for path in machine.place.slots.iterdir()} == {".stage-lock"}


def test_chunks_sealed_for_another_package_do_not_open(tmp_path: Path) -> None:
    content = Content(name="x", size=1, sha256="00" * 32, unpacked_size=0)
    heads = [parcels.header("application", version, content) for version in ("1.1.0.0", "1.1.0.1")]
    one, other = (sealing.Sealer(head, bytes(32)) for head in heads)
    assert one.open_chunk(0, one.close_chunk(0, b"x")) == b"x"
    for index, opener in ((0, other), (1, one)):
        with pytest.raises(Refused, match="damaged"):
            opener.open_chunk(index, one.close_chunk(0, b"x"))


def test_on_trial_the_other_slot_is_the_way_back(machine: Machine, tmp_path: Path) -> None:
    assert stage(parcels.application(tmp_path, "1.1.0.0"), machine.place).ok
    slots_of.switch(machine.place.slots)
    for file in (parcels.application(tmp_path, "1.2.0.0"), parcels.web(tmp_path, "1.2.0.0")):
        staged = stage(file, machine.place)
        assert (staged.code, no_residue(machine)) == ("busy", True)


def test_two_stagings_never_work_at_once(machine: Machine, tmp_path: Path) -> None:
    file = parcels.application(tmp_path, "1.1.0.0")
    with (machine.place.slots / ".stage-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert stage(file, machine.place).code == "busy"
    assert stage(file, machine.place).ok


def test_a_full_disk_is_told_and_nothing_stays(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = parcels.application(tmp_path, "1.1.0.0")
    with monkeypatch.context() as patch:
        patch.setattr("fota.stage.free_bytes", lambda _path: 1 << 20)
        nothing_happened(machine, stage(file, machine.place), "no_room")

    def write(_descriptor: int, _content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        nothing_happened(machine, stage(file, machine.place), "no_room")


def test_a_refused_package_leaves_the_version_before_in_its_slot(machine: Machine, tmp_path: Path) -> None:
    run_version(machine, parcels.application(tmp_path, "1.1.0.0"))
    run_version(machine, parcels.application(tmp_path, "1.2.0.0"))
    before, state = parcels.contents(machine.place.slots), slots_of.read(machine.place.slots)
    evil = [*parcels.app_entries("1.3.0.0"), parcels.Entry("./../x")]
    assert stage(parcels.application(tmp_path, "1.3.0.0", entries=evil), machine.place).code == "bad_archive"
    assert parcels.contents(machine.place.slots) == before
    assert slots_of.read(machine.place.slots) == state


@pytest.mark.parametrize("field", ["version", "hardware", "runtime", "product"])
def test_a_tree_that_says_something_else_than_its_package_is_refused(
    machine: Machine, tmp_path: Path, field: str
) -> None:
    other = {"version": "1.1.0.1", "hardware": "arm64", "runtime": "cp312", "product": "kiosk"}[field]
    told = msgspec.json.encode(msgspec.structs.replace(parcels.release("1.1.0.0"), **{field: other}))
    entries = [
        msgspec.structs.replace(entry, content=told) if entry.name.endswith("release.json") else entry
        for entry in parcels.app_entries("1.1.0.0")
    ]
    nothing_happened(
        machine, stage(parcels.application(tmp_path, "1.1.0.0", entries=entries), machine.place), "bad_archive"
    )


def test_a_tree_without_its_python_is_refused(machine: Machine, tmp_path: Path) -> None:
    entries = [entry for entry in parcels.app_entries("1.1.0.0") if "bin/python" not in entry.name]
    staged = stage(parcels.application(tmp_path, "1.1.0.0", entries=entries), machine.place)
    nothing_happened(machine, staged, "bad_archive")


# --------------------------------------------------------------------------------------- the file is changed meanwhile


def large_application(folder: Path, version: str) -> Path:
    """Of several chunks."""
    blob = parcels.Entry(f"{parcels.PREFIX}/blob", Random(version).randbytes(3 << 20))
    return parcels.application(folder, version, entries=[*parcels.app_entries(version), blob], packing="gz")


@pytest.mark.parametrize("change", ["flip", "cut", "swap", "grow"])
def test_a_file_changed_after_its_first_chunk_was_read_is_refused(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    file = large_application(tmp_path, "1.1.0.0")
    real = sealing.Sealer.open_chunk

    def open_chunk(self: sealing.Sealer, index: int, sealed: bytes) -> bytes:
        if index == 0:
            with file.open("r+b") as raw:
                if change == "flip":
                    raw.seek(-5, os.SEEK_END)
                    was = raw.read(1)[0]
                    raw.seek(-5, os.SEEK_END)
                    raw.write(bytes([was ^ 1]))  # the content is sealed with a new key each time: any byte may be there
                elif change == "cut":
                    raw.truncate(2 << 20)
                elif change == "grow":
                    raw.seek(0, os.SEEK_END)
                    raw.write(b"x")
                else:
                    raw.write(Random(1).randbytes(file.stat().st_size))
        return real(self, index, sealed)

    monkeypatch.setattr(sealing.Sealer, "open_chunk", open_chunk)
    nothing_happened(machine, stage(file, machine.place), "truncated" if change == "cut" else "damaged")


FLIPPER = """
import os, random, sys
good = open(sys.argv[1], "rb").read()
file = os.open(sys.argv[1], os.O_RDWR)
chosen = random.Random(int(sys.argv[2]))
print("ready", flush=True)
while True:
    at = chosen.randrange(len(good))
    os.pwrite(file, bytes([good[at] ^ 1]), at)
    for _ in range(chosen.randrange(300)):
        pass
    os.pwrite(file, good[at:at + 1], at)
"""


def flipped_while_staged(machine: Machine, folder: Path, tries: int) -> tuple[int, int]:
    """(installed, refused) while another process changes bytes of the file all the time."""
    file = parcels.application(folder, "1.1.0.0", repair=True)
    good = parcels.contents(parcels.grow_tree(folder / "good", "1.1.0.0"))
    text = "lib/python3.11/site-packages/chargepoint/__init__.py"
    assert stage(file, machine.place).ok
    good = parcels.contents(machine.place.slots / "a")
    assert text in good
    counts = [0, 0]
    with subprocess.Popen([sys.executable, "-c", FLIPPER, str(file), str(tries)], stdout=subprocess.PIPE) as flipper:
        try:
            assert flipper.stdout is not None
            flipper.stdout.readline()
            for _try in range(tries):
                staged = stage(file, machine.place)
                counts[0 if staged.ok else 1] += 1
                assert staged.ok or staged.code in {"damaged", "unsigned", "unknown_key", "bad_format"}, staged
                assert parcels.contents(machine.place.slots / "a") == good
                assert no_residue(machine)
        finally:
            flipper.kill()
    return counts[0], counts[1]


@pytest.mark.realtime
async def test_while_another_process_flips_bytes_only_signed_content_lands(machine: Machine, tmp_path: Path) -> None:
    installed, refused = flipped_while_staged(machine, tmp_path, 100)
    assert installed + refused == 100


@pytest.mark.long
@pytest.mark.realtime
async def test_ten_thousand_times_a_flipped_file_never_lands(machine: Machine, tmp_path: Path) -> None:
    installed, refused = flipped_while_staged(machine, tmp_path, 10_000)
    assert installed and refused


# ------------------------------------------------------------------------------------------------------- power cuts

STEPS = ("open", "fsync", "rename", "replace", "mkdir", "symlink", "link", "unlink", "rmdir", "write")


def cut_at(step: int, file: Path, machine: Machine) -> bool:
    """Stage in a process of its own that dies before its call number `step` to the system; whether it came through."""
    child = os.fork()
    if child == 0:
        left = step

        def counted(real: Any) -> Any:
            def call(*arguments: Any, **more: Any) -> Any:
                nonlocal left
                left -= 1
                if left <= 0:
                    os._exit(9)
                return real(*arguments, **more)

            return call

        try:
            for name in STEPS:
                setattr(os, name, counted(getattr(os, name)))
            os._exit(0 if stage(file, machine.place).ok else 1)
        except BaseException:
            os._exit(2)
    _pid, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 9)
    return code == 0


def consistent(machine: Machine) -> None:
    """What slots.json says is there, is there whole; what runs runs still."""
    slots = machine.place.slots
    state = slots_of.read(slots)
    for name, info in state.versions.items():
        assert slots_of.is_whole(slots / name, info["version"])
        assert read_release(slots / name).web_version == info["web_version"]
    assert not state.ready or state.ready in state.versions
    assert slots_of.is_whole(slots_of.start(slots, machine.place.factory))
    images = read_controllers(slots)
    for target in images.targets if images else ():
        content = (slots / "controllers" / stored_name(target)).read_bytes()
        assert hashlib.sha256(content).hexdigest() == target.sha256


def cut_everywhere(machine: Machine, folder: Path, stride: int) -> int:
    """Each kind of package, cut at each `stride`th step and then staged again; how many cuts there were."""
    run_version(machine, parcels.application(folder, "1.0.1.0"))
    run_version(machine, parcels.application(folder, "1.0.2.0"))
    assert stage(parcels.controllers(folder, "2.0.0.0", {"main.bin": b"first"}), machine.place).ok
    pristine = folder / "pristine"
    shutil.copytree(machine.place.slots, pristine, symlinks=True)
    cuts = 0
    for file in (
        parcels.application(folder, "1.1.0.0"),
        parcels.web(folder, "1.1.0.0"),
        parcels.controllers(folder, "2.1.0.0", {"main.bin": b"second", "b.bin": b"x"}),
        parcels.key_list(folder, 2),
    ):
        step = 1
        while True:
            shutil.rmtree(machine.place.slots)
            shutil.copytree(pristine, machine.place.slots, symlinks=True)
            came_through = cut_at(step, file, machine)
            consistent(machine)
            again = stage(file, machine.place)
            assert again.ok or again.code == "same", (step, again)
            consistent(machine)
            assert no_residue(machine)
            if came_through:
                break
            cuts += 1
            step += stride
    return cuts


def test_cut_at_many_steps_the_next_staging_works(machine: Machine, tmp_path: Path) -> None:
    assert cut_everywhere(machine, tmp_path, 9) > 20


@pytest.mark.long
def test_cut_at_every_step_the_next_staging_works(machine: Machine, tmp_path: Path) -> None:
    assert cut_everywhere(machine, tmp_path, 1) > 200


def kill_rounds(machine: Machine, folder: Path, rounds: int) -> int:
    """SIGKILL of the program at random moments; how many were killed in the middle."""
    files = [large_application(folder, "1.1.0.0"), parcels.web(folder, "1.1.0.0")]
    chosen, killed = Random(rounds), 0
    for number in range(rounds):
        file = files[number % 2]
        command = [sys.executable, "-m", "fota.stage", str(file), *machine.options()]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            try:
                child.wait(chosen.uniform(0.02, 0.25))
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
                child.wait()
            killed += child.returncode == -signal.SIGKILL
        consistent(machine)
    for file in files:
        assert stage(file, machine.place).ok
        consistent(machine)
    assert no_residue(machine)
    return killed


@pytest.mark.realtime
async def test_killed_at_random_moments_it_works_the_next_time(machine: Machine, tmp_path: Path) -> None:
    assert kill_rounds(machine, tmp_path, 10)


@pytest.mark.long
@pytest.mark.realtime
async def test_two_hundred_kills_leave_slots_consistent(machine: Machine, tmp_path: Path) -> None:
    assert kill_rounds(machine, tmp_path, 200)


@pytest.mark.realtime
async def test_with_whoever_asked_for_it_a_staging_ends_and_is_in_nobodys_way(machine: Machine, tmp_path: Path) -> None:
    file = parcels.application(tmp_path, "1.1.0.0")
    command = [sys.executable, "-m", "fota.stage", str(file), *machine.options()]
    asker = f"import subprocess; subprocess.Popen({command!r}, start_new_session=True).wait()"
    slots = machine.place.slots
    with (slots / ".lock").open("w") as lock:  # held: it comes as far as the slot and waits there
        fcntl.flock(lock, fcntl.LOCK_EX)
        with subprocess.Popen([sys.executable, "-c", asker], stdout=subprocess.DEVNULL) as child:
            until_s = time.monotonic() + 30
            while not (slots / ".staging/release.json").exists():
                assert time.monotonic() < until_s
                time.sleep(0.01)
            child.kill()
        with (slots / ".stage-lock").open("r+") as alone:
            while True:
                try:
                    fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    assert time.monotonic() < until_s - 20, "it goes on without anybody who asked for it"
                    time.sleep(0.01)
    assert stage(file, machine.place).ok


@pytest.mark.realtime
async def test_the_program_prints_what_became_of_it(machine: Machine, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fota.stage", str(parcels.application(tmp_path, "1.1.0.0")), *machine.options()]
    first, second = (
        subprocess.run([*command, *more], capture_output=True, text=True, timeout=30, check=False)
        for more in (["--plan"], ["--serial=-CP-1"])
    )
    assert (first.returncode, json.loads(first.stdout)["slot"]) == (0, "")
    told = json.loads(second.stdout)
    assert (told["ok"], told["code"], told["slot"], told["version"]) == (True, "ok", "a", "1.1.0.0")
    assert told.keys() == {*Staged.__struct_fields__}
