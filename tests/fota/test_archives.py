"""Archives with tricks in them, signed all the same: refused, nothing written outside, nothing left."""

from __future__ import annotations

import gzip
import lzma
import resource
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoint import slots as slots_of
from fota import tar
from fota.container import Refused
from fota.deb import read_deb
from fota.stage import Staged, stage
from fota.tar import Stream, Unpacker, entries
from tests.fota import parcels
from tests.fota.parcels import PREFIX, Entry, Machine, ar, control_tar, folder, link

GOOD = parcels.app_entries("1.1.0.0")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "machine")


def left_nothing(machine: Machine, staged: Staged, before: dict[str, str]) -> None:
    assert (staged.ok, staged.slot) == (False, "")
    assert staged.code == "bad_archive", staged
    assert slots_of.read(machine.place.slots) == slots_of.Slots()
    assert parcels.contents(machine.place.slots).keys() <= {".stage-lock", ".lock"}
    assert parcels.contents(machine.place.factory) == before


def odd(kind: bytes, name: str = f"{PREFIX}/odd") -> list[Entry]:
    return [Entry(name, type=kind, target=f"{PREFIX}/release.json")]


TRICKS: dict[str, list[Entry]] = {
    "up": [Entry(f"{PREFIX}/../../x", b"x")],
    "up at the beginning": [Entry("../x", b"x")],
    "up in the middle": [Entry(f"{PREFIX}/lib/../../x", b"x")],
    "up at the end": [folder(f"{PREFIX}/lib/..")],
    "absolute": [Entry("/tmp/x", b"x")],
    "absolute into the tree": [Entry("/opt/chargepoint/app/x", b"x")],
    "point inside": [Entry(f"{PREFIX}/./x", b"x")],
    "double slash": [Entry(f"{PREFIX}//x", b"x")],
    "no name": [Entry("", b"x")],
    "file for the top": [Entry("./", b"x")],
    "backslash": [Entry(f"{PREFIX}/..\\x", b"x")],
    "line break in a name": [Entry(f"{PREFIX}/a\nb", b"x")],
    "name too long": [Entry(f"{PREFIX}/{'x' * 256}", b"x")],
    "too deep": [folder(f"{PREFIX}/{'/'.join('d' * at)}") for at in range(1, 40)],
    "link out": [link(f"{PREFIX}/x", "../../..")],
    "link out by one": [link(f"{PREFIX}/x", "../x")],
    "link to an absolute place": [link(f"{PREFIX}/x", "/etc/passwd")],
    "python link elsewhere": [link(f"{PREFIX}/bin/python3.11", "/usr/bin/python3.12")],
    "python link in another place": [link(f"{PREFIX}/lib/python", parcels.PYTHON)],
    "python link below": [folder(f"{PREFIX}/bin/python-x"), link(f"{PREFIX}/bin/python-x/y", parcels.PYTHON)],
    "empty link": [link(f"{PREFIX}/x", "")],
    "link up behind a link": [
        folder(f"{PREFIX}/d"),
        folder(f"{PREFIX}/d/e"),
        link(f"{PREFIX}/d/e/top", "../.."),
        link(f"{PREFIX}/x", "d/e/top/../outside"),
    ],
    "file behind a link": [link(f"{PREFIX}/l", "lib"), Entry(f"{PREFIX}/l/x", b"x")],
    "folder behind a link": [link(f"{PREFIX}/l", "lib"), folder(f"{PREFIX}/l/x")],
    "link, then a file of its name": [link(f"{PREFIX}/l", "release.json"), Entry(f"{PREFIX}/l", b"x")],
    "file twice": [Entry(f"{PREFIX}/release.json", b"x")],
    "folder twice": [folder(f"{PREFIX}/lib")],
    "folder where a file is": [folder(f"{PREFIX}/release.json")],
    "file below a file": [Entry(f"{PREFIX}/release.json/x", b"x")],
    "file below nothing": [Entry(f"{PREFIX}/nowhere/x", b"x")],
    "hard link": odd(tarfile.LNKTYPE),
    "hard link elsewhere": odd(tarfile.LNKTYPE, "./etc/x"),
    "character device": odd(tarfile.CHRTYPE),
    "block device": odd(tarfile.BLKTYPE),
    "device elsewhere": odd(tarfile.CHRTYPE, "./dev/sda"),
    "pipe": odd(tarfile.FIFOTYPE),
    "sparse": odd(tarfile.GNUTYPE_SPARSE),
    "contiguous": odd(tarfile.CONTTYPE),
    "unknown kind": odd(b"Z"),
    "set user id": [Entry(f"{PREFIX}/x", b"x", mode=0o4755)],
    "set group id": [Entry(f"{PREFIX}/x", b"x", mode=0o2755)],
    "sticky": [folder(f"{PREFIX}/x", 0o1777)],
    "set user id elsewhere": [folder("./usr"), Entry("./usr/x", b"x", mode=0o4755)],
    "pax size": [Entry(f"{PREFIX}/x", b"x", pax={"size": "9"})],
    "pax sparse": [Entry(f"{PREFIX}/x", b"x", pax={"GNU.sparse.name": "../x"})],
    "pax path out": [Entry(f"{PREFIX}/x", b"x", pax={"path": "../../x"})],
    "pax header too long": [Entry(f"{PREFIX}/x", b"x", pax={"comment": "x" * 20_000})],
    "the prefix is a link": [link("./opt/chargepoint/app", "/etc")],
    "a folder before it is a link": [link("./opt", "/etc")],
}


@pytest.mark.parametrize("evil", TRICKS.values(), ids=TRICKS.keys())
def test_tricks_in_the_data_are_refused(machine: Machine, tmp_path: Path, evil: list[Entry]) -> None:
    before = parcels.contents(machine.place.factory)
    file = parcels.application(tmp_path, "1.1.0.0", entries=[*GOOD, *evil])
    outside = parcels.contents(tmp_path).keys()
    left_nothing(machine, stage(file, machine.place), before)
    assert {name for name in parcels.contents(tmp_path).keys() - outside if "/slots/" not in f"/{name}"} == set()


ONLY_IN_DEBS = ("python link", "elsewhere", "the prefix", "a folder before", "point inside")
"""Names that mean nothing, or nothing evil, at the top."""
IN_WEB = {name: evil for name, evil in TRICKS.items() if not any(part in name for part in ONLY_IN_DEBS)}


@pytest.mark.parametrize("evil", IN_WEB.values(), ids=IN_WEB.keys())
def test_the_same_tricks_in_web_pages_are_refused(machine: Machine, tmp_path: Path, evil: list[Entry]) -> None:
    told = [Entry("__init__.py"), Entry("release.json"), folder("lib"), folder("bin"), *map(_moved, evil)]
    before = parcels.contents(machine.place.factory)
    left_nothing(machine, stage(parcels.web(tmp_path, "1.1.0.0", entries=told), machine.place), before)


def _moved(entry: Entry) -> Entry:
    """At the top instead of below PREFIX."""
    name = entry.name.removeprefix(f"{PREFIX}/")
    return Entry(name, entry.content, entry.type, entry.target, entry.mode, entry.pax)


@pytest.mark.parametrize("target", ["release.json", "bin/python", "lib/python3.11", "nowhere"])
def test_links_that_stay_inside_are_taken(machine: Machine, tmp_path: Path, target: str) -> None:
    told = [*GOOD, link(f"{PREFIX}/x", target), link(f"{PREFIX}/lib/up", f"../{target}")]
    assert stage(parcels.application(tmp_path, "1.1.0.0", entries=told), machine.place).ok
    assert str((machine.place.slots / "a/lib/up").readlink()) == f"../{target}"


def test_what_lies_beside_the_application_is_not_unpacked(machine: Machine, tmp_path: Path) -> None:
    beside = [folder("./etc"), Entry("./etc/x", b"x"), folder(f"{PREFIX}-other"), Entry(f"{PREFIX}-other/x", b"x")]
    assert stage(parcels.application(tmp_path, "1.1.0.0", entries=[*GOOD, *beside]), machine.place).ok
    assert not [name for name in parcels.contents(machine.place.slots) if name.endswith("/x")]


# ---------------------------------------------------------------------------------------------------- Debian package

DATA = parcels.tar(GOOD)
MEMBERS = [
    ("debian-binary", b"2.0\n"),
    ("control.tar.gz", control_tar("1.1.0.0")),
    ("data.tar.xz", lzma.compress(DATA, preset=4)),
]


def with_member(at: int, name: str, content: bytes) -> bytes:
    return ar([*MEMBERS[:at], (name, content), *MEMBERS[at + 1 :]])


WHOLE = ar(MEMBERS)
DEBS: dict[str, bytes] = {
    "no ar": b"PK" + WHOLE,
    "empty": b"!<arch>\n",
    "format 3": with_member(0, "debian-binary", b"3.0\n"),
    "no control": ar([MEMBERS[0], MEMBERS[2]]),
    "data before control": ar([MEMBERS[0], MEMBERS[2], MEMBERS[1]]),
    "a member between": ar([*MEMBERS[:2], ("_evil", b"x"), MEMBERS[2]]),
    "a second data.tar": ar([*MEMBERS, MEMBERS[2]]),
    "bytes after it": WHOLE + b"x" * 7,
    "path as a name": with_member(2, "../data.tar.xz", MEMBERS[2][1]),
    "name table": ar([MEMBERS[0], ("//", b"data.tar.xz/\n"), *MEMBERS[1:]]),
    "packed otherwise": with_member(2, "data.tar.zst", MEMBERS[2][1]),
    "gz that is xz": with_member(2, "data.tar.gz", MEMBERS[2][1]),
    "size longer than the file": WHOLE[:128] + WHOLE[128:].replace(f"{len(MEMBERS[2][1]):<10}".encode(), b"999999999 "),
    "negative size": WHOLE.replace(b"4         `", b"-4        `", 1),
    "other version": with_member(1, "control.tar.gz", control_tar("1.1.0.1")),
    "no version": with_member(1, "control.tar.gz", control_tar("x")),
    "control bomb": with_member(1, "control.tar.gz", gzip.compress(bytes(8 << 20))),
    "control is no tar": with_member(1, "control.tar.gz", gzip.compress(b"x" * 2048)),
    "xz twice": with_member(2, "data.tar.xz", MEMBERS[2][1] + lzma.compress(b"more")),
    "xz cut": with_member(2, "data.tar.xz", MEMBERS[2][1][:-8]),
    "xz with a large dictionary": with_member(2, "data.tar.xz", lzma.compress(DATA, preset=6)),
    "tar goes on": with_member(2, "data.tar.xz", lzma.compress(DATA[:-1] + b"x", preset=4)),
    "tar cut": with_member(2, "data.tar.xz", lzma.compress(DATA[:4000], preset=4)),
    "two tars": with_member(2, "data.tar.xz", lzma.compress(DATA + DATA, preset=4)),
    "no application in it": with_member(2, "data.tar.xz", lzma.compress(parcels.tar([folder("./opt")]), preset=4)),
}


@pytest.mark.parametrize("deb", DEBS.values(), ids=DEBS.keys())
def test_tricks_in_the_debian_package_are_refused(machine: Machine, tmp_path: Path, deb: bytes) -> None:
    before = parcels.contents(machine.place.factory)
    file = parcels.pack(tmp_path, "application", "1.1.0.0", deb, len(DATA), name="chargepoint.deb")
    left_nothing(machine, stage(file, machine.place), before)


def test_the_untouched_one_is_taken(machine: Machine, tmp_path: Path) -> None:
    file = parcels.pack(tmp_path, "application", "1.1.0.0", WHOLE, len(DATA), name="chargepoint.deb")
    assert stage(file, machine.place).ok


def test_a_debian_package_for_another_processor_is_refused(machine: Machine, tmp_path: Path) -> None:
    deb = with_member(1, "control.tar.gz", control_tar("1.1.0.0", "arm64"))
    file = parcels.pack(tmp_path, "application", "1.1.0.0", deb, len(DATA), name="chargepoint.deb")
    assert stage(file, machine.place).code == "other_hardware"


@pytest.mark.parametrize("size", [0, len(DATA) - 1, len(DATA) + 1])
def test_the_unpacked_size_has_to_be_the_signed_one(machine: Machine, tmp_path: Path, size: int) -> None:
    before = parcels.contents(machine.place.factory)
    file = parcels.pack(tmp_path, "application", "1.1.0.0", WHOLE, size, name="chargepoint.deb")
    left_nothing(machine, stage(file, machine.place), before)


@pytest.mark.parametrize("packing", ["xz", "gz"])
def test_a_bomb_stops_at_the_signed_size(machine: Machine, tmp_path: Path, packing: str) -> None:
    bomb = parcels.tar([*GOOD, Entry(f"{PREFIX}/bomb", bytes(64 << 20))])
    packed = lzma.compress(bomb, preset=0) if packing == "xz" else gzip.compress(bomb, 1)
    deb = with_member(2, f"data.tar.{packing}", packed)
    file = parcels.pack(tmp_path, "application", "1.1.0.0", deb, 1 << 20, name="chargepoint.deb")
    before = parcels.contents(machine.place.factory)
    written = resource.getrusage(resource.RUSAGE_SELF).ru_oublock
    left_nothing(machine, stage(file, machine.place), before)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_oublock - written) * 512 < 8 << 20


def test_too_many_entries_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar, "MOST_ENTRIES", 500)
    block = parcels.tar([folder("./x")])[:512]

    def endless() -> Iterator[bytes]:
        while True:
            yield block * 2048

    with pytest.raises(Refused, match="more than 500"):
        for _entry in entries(Stream(endless())):
            pass


# -------------------------------------------------------------------------------------------------------------- fuzz


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_any_damage_of_a_debian_package_gives_entries_or_a_refusal(changes: list[tuple[int, int]]) -> None:
    data = bytearray(WHOLE)
    for at, value in changes:
        data[at] = value
    try:
        _deb, found = read_deb(Stream(iter([bytes(data)])), len(DATA))
        for _entry, content in found:
            for _portion in content:
                pass
    except Refused as refused:
        assert refused.code == "bad_archive"


@given(st.lists(st.tuples(st.integers(0, len(DATA) - 1), st.binary(min_size=1, max_size=12)), min_size=1, max_size=6))
def test_any_tar_unpacks_inside_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, bytes]]
) -> None:
    data = bytearray(DATA)
    for at, value in changes:
        data[at : at + len(value)] = value
    for at in range(0, len(data) - 511, 512):  # header blocks get a good sum, so that more than the sum is tried
        if data[at : at + 2] == b"./":
            data[at + 148 : at + 156] = b" " * 8
            data[at + 148 : at + 156] = b"%06o\0 " % sum(data[at : at + 512])
    top = tmp_path_factory.mktemp("fuzz")
    root = top / "root"
    root.mkdir()
    unpacker = Unpacker(root)
    try:
        for entry, content in entries(Stream(iter([bytes(data)]))):
            unpacker.place(entry, content)
    except Refused as refused:
        assert refused.code == "bad_archive"
    assert [path.name for path in top.iterdir()] == ["root"]
    for path in root.rglob("*"):
        assert path.resolve().is_relative_to(root)
        assert path.is_symlink() or path.stat().st_mode & 0o7022 == 0
