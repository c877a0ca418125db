"""Packages of a stick: only plain files with names of packages, bounded, and the stick is always unmounted."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chargepoint.privileged import usb


class Sticks:
    """Folders in the place of devices: `mount` shows what lies there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fota = folder / "fota"
        self.fota.mkdir()
        self.mounted: list[Path] = []
        self.unmounted: list[Path] = []

    def stick(self, name: str) -> Path:
        stick = self.folder / name
        stick.mkdir()
        return stick

    def mount(self, device: Path, folder: Path) -> None:
        if not device.is_dir():
            raise OSError(22, "Invalid argument")
        self.mounted.append(folder)
        for entry in device.iterdir():
            entry.rename(folder / entry.name)

    def unmount(self, folder: Path) -> None:
        self.unmounted.append(folder)
        shutil.rmtree(folder)
        folder.mkdir()

    def read(self, *devices: Path, largest: int = 1 << 20) -> usb.Copied:
        return usb.read(self.fota, largest, devices=devices, do_mount=self.mount, do_unmount=self.unmount)

    def names(self) -> list[str]:
        return sorted(path.name for path in (self.fota / "usb").iterdir())


@pytest.fixture
def sticks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sticks:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return Sticks(tmp_path)


def test_packages_are_copied_and_nothing_else(sticks: Sticks) -> None:
    stick = sticks.stick("sda1")
    (stick / "App.station.1.1.0.0.cpk").write_bytes(b"package")
    (stick / "holiday.jpg").write_bytes(b"picture")
    (stick / ".hidden.cpk").write_bytes(b"hidden")
    (stick / "folder.cpk").mkdir()
    (stick / "link.cpk").symlink_to("/etc/passwd")
    os.mkfifo(stick / "pipe.cpk")
    (stick / "large.cpk").write_bytes(b"x" * 2000)
    copied = sticks.read(stick, largest=1000)
    assert copied.names == ("App.station.1.1.0.0.cpk",)
    assert sticks.names() == ["App.station.1.1.0.0.cpk"]
    assert "large.cpk: it is larger" in copied.problem
    assert "link.cpk" in copied.problem
    assert sticks.mounted == sticks.unmounted
    assert not sticks.mounted[0].exists()


def test_what_was_copied_before_goes(sticks: Sticks) -> None:
    for number in (1, 2):
        stick = sticks.stick(f"sda{number}")
        (stick / f"{number}.cpk").write_bytes(b"package")
        sticks.read(stick)
    assert sticks.names() == ["2.cpk"]


def test_so_much_of_the_disk_stays_free_as_the_settings_say(sticks: Sticks) -> None:
    stick = sticks.stick("sda1")
    (stick / "App.station.1.1.0.0.cpk").write_bytes(b"package")
    copied = usb.read(sticks.fota, 1 << 20, 100, devices=(stick,), do_mount=sticks.mount, do_unmount=sticks.unmount)
    assert (copied.names, sticks.names()) == ((), [])
    assert "room" in copied.problem


def test_at_most_sixteen_are_copied(sticks: Sticks) -> None:
    stick = sticks.stick("sda1")
    for number in range(20):
        (stick / f"{number:02}.cpk").write_bytes(b"package")
    copied = sticks.read(stick)
    assert len(copied.names) == usb.MOST_FILES
    assert "more than 16" in copied.problem


def test_a_stick_that_cannot_be_mounted_does_not_hide_the_other(sticks: Sticks) -> None:
    stick = sticks.stick("sdb1")
    (stick / "1.cpk").write_bytes(b"package")
    copied = sticks.read(Path("/nowhere/sda1"), stick)
    assert copied.names == ("1.cpk",)
    assert copied.problem == "sda1: Invalid argument"


def test_a_link_in_the_place_of_the_folder_is_not_followed(sticks: Sticks) -> None:
    elsewhere = sticks.stick("elsewhere")
    (elsewhere / "precious").write_bytes(b"precious")
    (sticks.fota / "usb").symlink_to(elsewhere)
    stick = sticks.stick("sda1")
    (stick / "1.cpk").write_bytes(b"package")
    assert sticks.read(stick).names == ()
    assert [path.name for path in elsewhere.iterdir()] == ["precious"]


def test_without_a_stick_it_is_said(sticks: Sticks) -> None:
    assert sticks.read().problem == "There is no USB stick."
    assert "no package" in sticks.read(sticks.stick("sda1")).problem


def test_only_partitions_of_removable_disks_are_found(tmp_path: Path) -> None:
    blocks, devices = tmp_path / "class", tmp_path / "devices"
    blocks.mkdir()

    def disk(place: str, name: str, removable: str, parts: int, size: str = "1000") -> None:
        folder = devices / place / name
        folder.mkdir(parents=True)
        (folder / "removable").write_text(removable)
        (folder / "size").write_text(size)
        (blocks / name).symlink_to(folder)
        for number in range(1, parts + 1):
            part = folder / f"{name}{number}"
            part.mkdir()
            (part / "partition").write_text(str(number))
            (blocks / part.name).symlink_to(part)

    disk("platform/mmc0", "mmcblk", "0", 2)
    disk("pci0/usb1/1-1", "sda", "1", 1)
    disk("pci0/usb2/2-1", "sdb", "0", 0)  # a disk at USB, without a table of partitions
    disk("pci0/usb2/2-2", "sdc", "1", 0, size="0")  # a reader without a card
    disk("pci0/ata1", "sdd", "0", 3)
    found = usb.partitions(blocks, Path("/dev"))
    assert found == (Path("/dev/sda1"), Path("/dev/sdb"))


@pytest.fixture
def loop_device(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """An ext4 file system with a package on it, as a block device, and its image; skipped where that cannot be had."""
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4") or not shutil.which("losetup"):
        pytest.skip("needs root, mkfs.ext4 and loop devices")
    content, image = tmp_path / "content", tmp_path / "image"
    content.mkdir()
    (content / "App.station.1.1.0.0.cpk").write_bytes(b"package")
    (content / "other.txt").write_bytes(b"other")
    subprocess.run(["mkfs.ext4", "-q", "-d", str(content), str(image), "4M"], check=True)
    attached = subprocess.run(["losetup", "--find", "--show", str(image)], capture_output=True, text=True, check=False)
    if attached.returncode:
        pytest.skip(f"no loop device: {attached.stderr.strip()}")
    device = Path(attached.stdout.strip())
    try:
        yield device, image
    finally:
        subprocess.run(["losetup", "--detach", str(device)], check=True)


@pytest.mark.realtime
def test_a_real_file_system_is_read_and_not_written(sticks: Sticks, loop_device: tuple[Path, Path]) -> None:
    device, image = loop_device
    before = image.read_bytes()
    try:
        copied = usb.read(sticks.fota, 1 << 20, devices=(device,))
    except OSError as error:  # pragma: no cover (a container)
        pytest.skip(f"nothing can be mounted here: {error}")
    if "not permitted" in copied.problem:
        pytest.skip(f"nothing can be mounted here: {copied.problem}")
    assert copied == usb.Copied(names=("App.station.1.1.0.0.cpk",))
    assert sticks.names() == ["App.station.1.1.0.0.cpk"]
    assert image.read_bytes() == before
    assert str(device) not in Path("/proc/self/mounts").read_text()
