"""Keys and packages as people make them: what comes out is taken by a station, what would be refused is not made."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from chargepoint import slots as slots_of
from drivers.native.boot_loader import make_image
from fota import make_update
from fota.container import read_prelude
from fota.keyring import PASSWORD
from fota.stage import Place, read_controllers, stage
from fota.trust import load, load_revoked
from fota.verify import inspect
from fota.want import want_of
from tests.fota import parcels
from tests.fota.parcels import Entry
from tests.fota.test_signing import certificate, printed

MAIN = "chargepoint_1.1.0.0_amd64.deb"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Place:
    """A folder with keys, a Debian package, and a station that has these keys."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(PASSWORD, raising=False)
    assert make_update.main(["keys", "keys"]) == 0
    Path(MAIN).write_bytes(parcels.deb("1.1.0.0", parcels.app_entries("1.1.0.0")))
    parcels.grow_tree(tmp_path / "factory", "1.0.0.0")
    Path("slots").mkdir()
    capsys.readouterr()
    return Place(tmp_path / "slots", tmp_path / "factory", tmp_path / "keys")


def fails(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What is told."""
    assert make_update.main(list(words)) == 1
    told = capsys.readouterr().err
    assert told.startswith("make_update: ") and "Traceback" not in told
    return told


def test_keys_are_for_their_owner_only_and_never_written_over(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in place.keys.iterdir()}
    assert modes == dict.fromkeys(("root.key", "release.key", "development.key", "product.key"), 0o600) | {
        "trust.json": 0o644
    }
    assert place.keys.stat().st_mode & 0o777 == 0o700
    assert "never written over" in fails(capsys, "keys", "keys")
    trust = load(place.keys, place.slots)
    assert not trust.is_development
    assert [key.is_development for key in trust.release] == [False, True]


def test_an_application_is_taken_by_a_station(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    Path("NEWS").write_text("Лучше.\n")
    words = ["application", MAIN, "--floor", "1.0.0.0", "--notes", "@NEWS", "--out", "dist"]
    assert make_update.main(words) == 0
    file = Path("dist/App.station.1.1.0.0.cpk")
    assert make_update.main(["show", str(file)]) == 0
    told = capsys.readouterr().out
    assert "Лучше." in told and "1.1.0.0" in told and told.endswith("good\n")
    assert stage(file.absolute(), place).ok
    assert slots_of.read(place.slots).versions["a"]["floor"] == "1.0.0.0"
    file.write_bytes(file.read_bytes() + b"x")
    assert make_update.main(["show", str(file)]) == 1


def test_web_pages_of_a_tree_and_of_a_folder_are_taken(place: Place) -> None:
    tree = parcels.grow_tree(Path("tree"), "1.0.0.0", "1.0.0.5")
    pages = tree / "lib/python3.11/site-packages/webconfig"
    (pages / "__pycache__").mkdir()
    (pages / "__pycache__/x.pyc").write_bytes(b"x")
    assert make_update.main(["web", "tree", "--fits", "1.0.*"]) == 0
    staged = stage(Path("App.station.web.1.0.0.5.cpk").absolute(), place)
    assert staged.ok and (place.slots / "a/lib/python3.11/site-packages/webconfig/__init__.py").is_file()
    assert not list(place.slots.rglob("__pycache__"))
    words = ["web", str(pages), "--fits", "1.0.*", "--version", "1.0.0.6", "--product", "station"]
    assert make_update.main(words) == 0
    assert stage(Path("App.station.web.1.0.0.6.cpk").absolute(), place).ok


def test_the_same_web_pages_give_the_same_content(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    parcels.grow_tree(Path("tree"), "1.0.0.5")
    sums = []
    for _time in range(2):
        assert make_update.main(["web", "tree", "--fits", "1.0.*"]) == 0
        file = Path("App.station.web.1.0.0.5.cpk")
        verdict = inspect(file, load(place.keys, place.slots), want_of(place.slots, place.factory))
        sums.append(verdict.sha256)
    assert sums[0] == sums[1] != ""


GOOD_IMAGE = make_image("MAIN", 1, "3.1", "", b"main")
INFO = """
version = "2.0.0.0"
notes = "For both"
[[target]]
image = "main.bin"
type = "MAIN"
version = "3.1"
connectors = [1, 2]
[[target]]
image = "modules.bin"
type = "MODULES"
version = "7"
model = "M30"
"""


def test_controller_images_are_taken(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    Path("INFO.toml").write_text(INFO)
    Path("main.bin").write_bytes(make_image("MAIN", 0x10001, "3.1", "C2", b"main"))
    Path("modules.bin").write_bytes(make_image("MODULES", 0x10002, "7", "", b"modules"))
    words = ["controllers", "INFO.toml", "main.bin", "modules.bin", "--product", "station"]
    assert "modules.bin" in fails(capsys, *words[:3], *words[4:])
    assert make_update.main(words) == 0
    assert "main.bin: MAIN 3.1 for C2, hardware 00010001, 68 bytes\n" in capsys.readouterr().out
    assert stage(Path("App.station.controllers.2.0.0.0.cpk").absolute(), place).ok
    info = read_controllers(place.slots)
    assert info is not None and info.notes == "For both"
    assert [(each.type, each.connectors, each.model) for each in info.targets] == [
        ("MAIN", (1, 2), ""),
        ("MODULES", (), "M30"),
    ]
    Path("INFO.toml").write_text(INFO.replace("MODULES", "SPARE"))
    assert "SPARE" in fails(capsys, *words)
    Path("INFO.toml").write_text(INFO + "[")
    fails(capsys, *words)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (bytes(100), "no firmware image"),
        (b"", "no firmware image|size"),
        (GOOD_IMAGE[:-1], "its head says 4 bytes, and 3 follow"),
        (GOOD_IMAGE[:-1] + b"?", "check sum of the body"),
        (GOOD_IMAGE[:30] + b"?" + GOOD_IMAGE[31:], "head is damaged"),
        (make_image("MODULES", 1, "3.1", "", b"main"), "is an image MODULES, not MAIN"),
        (make_image("MAIN", 1, "3.2", "", b"main"), "version '3.2' by its head"),
    ],
)
def test_an_image_that_no_controller_would_take_is_not_packed(
    place: Place, capsys: pytest.CaptureFixture[str], image: bytes, reason: str
) -> None:
    Path("INFO.toml").write_text(INFO.partition('[[target]]\nimage = "modules')[0])
    Path("main.bin").write_bytes(image)
    assert re.search(reason, fails(capsys, "controllers", "INFO.toml", "main.bin"))
    assert not list(Path().glob("*.cpk*"))


def test_keys_are_changed_and_revoked(place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    station = Place(place.slots, place.factory, tmp_path / "etc")
    station.keys.mkdir()
    for name in ("trust.json", "product.key"):
        (station.keys / name).write_bytes((place.keys / name).read_bytes())
    make_update.main(["application", MAIN, "--out", "old"])
    for_station = ["--product", "station"]
    assert make_update.main(["keys", "keys", "--new", "second", "--new-root", "root-2", *for_station]) == 0
    assert make_update.main(["keys", "keys", "--revoke", "release", "--root", "root-2", *for_station]) == 0
    assert "is no release key" in fails(capsys, "application", MAIN)
    make_update.main(["application", MAIN, "--key", "second", "--out", "new"])
    old, new = (Path(folder, "App.station.1.1.0.0.cpk").absolute() for folder in ("old", "new"))
    assert stage(new, station, is_plan=True).code == "unknown_key"
    assert stage(Path("App.station.keys.1.0.0.3.cpk").absolute(), station).code == "unknown_key"  # signed by root-2
    assert stage(Path("App.station.keys.1.0.0.2.cpk").absolute(), station).ok
    assert stage(old, station, is_plan=True).ok
    assert stage(Path("App.station.keys.1.0.0.3.cpk").absolute(), station).ok
    assert stage(old, station, is_plan=True).code == "revoked_key"
    assert stage(Path("App.station.keys.1.0.0.2.cpk").absolute(), station).code == "older"
    assert stage(new, station).ok
    assert "names 0 keys" in fails(capsys, "keys", "keys", "--revoke", "nobody")
    assert "would be left" in fails(capsys, "keys", "keys", "--revoke", "second")


def test_a_signing_certificate_is_revoked(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    Path("signer.pem").write_text(certificate("ec signer", "ec signer"))
    words = ["keys", "keys", "--product", "station", "--revoke-certificate"]
    assert make_update.main([*words, "signer.pem"]) == 0
    assert "1 revoked" in capsys.readouterr().out
    assert make_update.main([*words, "AB" * 32]) == 0
    assert load_revoked(place.keys, place.slots) == {printed("ec signer"), "ab" * 32}
    assert stage(Path("App.station.keys.1.0.0.3.cpk").absolute(), place).code == "same"  # the keys' folder has it

    Path("chain.pem").write_text(2 * Path("signer.pem").read_text())
    assert "2 certificates" in fails(capsys, *words, "chain.pem")
    Path("chain.pem").write_text("nothing")
    assert "chain.pem" in fails(capsys, *words, "chain.pem")
    assert "No such file" in fails(capsys, *words, "nowhere.pem")


def test_the_password_of_a_key_is_needed(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(PASSWORD, "short")
    assert "shorter" in fails(capsys, "keys", "other", "--encrypt")
    monkeypatch.setenv(PASSWORD, "long enough")
    assert make_update.main(["keys", "other", "--encrypt"]) == 0
    assert b"ENCRYPTED" in Path("other/release.key").read_bytes()
    assert make_update.main(["application", MAIN, "--keys", "other"]) == 0
    monkeypatch.setenv(PASSWORD, "another one")
    assert "password is wrong" in fails(capsys, "application", MAIN, "--keys", "other")
    monkeypatch.delenv(PASSWORD)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert PASSWORD in fails(capsys, "application", MAIN, "--keys", "other")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--version", "1.1.0.1"], "version '1.1.0.1', not '1.1.0.0'"),
        (["--product", "kiosk"], "product 'kiosk', not 'station'"),
        (["--floor", "1.1.0.1"], "floor is above"),
        (["--floor", "1.1"], "floor"),
        (["--key", "development2"], "No such file"),
        (["--key", "root"], "no release key"),
        (["--keys", "nowhere"], "No such file"),
        (["--notes", "x" * 4001], "notes"),
    ],
)
def test_what_no_station_would_take_is_not_made(
    place: Place, capsys: pytest.CaptureFixture[str], words: list[str], reason: str
) -> None:
    assert reason in fails(capsys, "application", MAIN, *words)
    assert not list(Path().glob("*.cpk*"))


def test_a_debian_package_that_a_station_would_refuse_is_not_made(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = [*parcels.app_entries("1.1.0.0"), Entry(f"{parcels.PREFIX}/x", b"x", mode=0o4755)]
    Path(MAIN).write_bytes(parcels.deb("1.1.0.0", evil))
    assert "set-user-id" in fails(capsys, "application", MAIN)


def test_a_key_that_others_can_read_is_not_used(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    (place.keys / "release.key").chmod(0o640)
    assert "chmod 600" in fails(capsys, "application", MAIN)


def test_an_exception_and_a_repair_stand_in_the_header(place: Place) -> None:
    until = "2099-01-01T00:00:00+00:00"
    words = ["application", MAIN, "--exception", "CP-1,CP-2", "--exception-until", until, "--repair"]
    assert make_update.main(words) == 0
    data = Path("App.station.1.1.0.0.cpk").read_bytes()
    head = json.loads(data[248 : 248 + read_prelude(data).header_bytes])
    assert head["exception"] == {"serials": ["CP-1", "CP-2"], "until": "2099-01-01T00:00:00Z"}
    assert head["repair"] is True
