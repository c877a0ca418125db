"""Loading a station file from the disk: damaged files, the last good copy, secrets, and anything at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chargepoint import config_file
from chargepoint.config import ConfigError, Secrets, Settings, load, load_secrets, load_with_fallback, secrets_path
from chargepoint.config_check import check
from chargepoint.config_file import GOOD, LARGEST_BYTES, OLDER

EXAMPLES = Path(__file__).parents[2] / "examples"
MINIMAL = (EXAMPLES / "minimal.toml").read_bytes()


def written(folder: Path, content: bytes = MINIMAL) -> Path:
    path = folder / "station.toml"
    path.write_bytes(content)
    return path


def faults_of(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.name)
def test_every_example_is_without_fault(path: Path) -> None:
    settings = load(path)
    assert settings.connector


def test_the_demonstration_station_is_what_the_readme_says() -> None:
    settings = load(EXAMPLES / "demo.toml")
    assert [(str(each.type), each.max_power_w) for each in settings.connector] == [
        ("CCS2", 60_000), ("CHADEMO", 50_000), ("GBT", 60_000), ("TYPE2", 22_000),
    ]  # fmt: skip
    assert len({each.meter for each in settings.connector} | {settings.station.meter}) == 5
    assert settings.station.power_limit_w < sum(each.max_power_w for each in settings.connector)
    assert {each.connectors for each in settings.reader} == {(1,), (2,), (3,), (4,)}


def test_a_relative_device_lies_beside_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, MINIMAL.replace(b"/dev/ttyUSB0", b"run/rs485"))
    assert load(path).port[0].device == str(tmp_path / "run" / "rs485")
    assert load(written(tmp_path)).port[0].device == "/dev/ttyUSB0"


def test_relative_roots_lie_beside_the_file(tmp_path: Path) -> None:
    section = b'\n[ocpp]\nurl = "wss://host"\nca_file = "roots.pem"\n'
    assert load(written(tmp_path, MINIMAL + section)).ocpp.ca_file == str(tmp_path / "roots.pem")
    assert load(written(tmp_path)).ocpp.ca_file == ""


@pytest.mark.parametrize(
    ("content", "key", "reason"),
    [
        (b"", "the whole file", "it is empty"),
        (b"\n \t\n", "the whole file", "it is empty"),
        (b"\0" * 4096, "the whole file", "NUL bytes from line 1 on"),
        (MINIMAL + b"\n\0\0", "the whole file", "NUL bytes from line"),
        (b"[station]\nname = \"\xff\xfe\"\n", "the whole file", "line 2 is not UTF-8"),
        (b"# " + b"x" * LARGEST_BYTES, "the whole file", "larger than 1048576 bytes"),
        (b"a = " + b"[" * 100_000, "the whole file", "nested too deeply"),
        (b"[station]\nname = \"a\"\nname = \"b\"\n", 'line 3 = "name = \\"b\\""', "this key stands there twice"),
        (b"[station]\nname = \"a\"\n[station]\n", 'line 3 = "[station]"', "this section stands there twice"),
        (b"[station]\nname = post\n", 'line 2 = "name = post"', "this is not TOML"),
        (b"[station]\nname = \"po", 'line 2 = "name = \\"po"', "this is not TOML"),
        (b"a = " + b"9" * 5000, "line 1", "this is not TOML"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_told_with_its_place(tmp_path: Path, content: bytes, key: str, reason: str) -> None:
    (fault,) = faults_of(written(tmp_path, content))
    assert fault.startswith(f"station.toml, {key}")
    assert reason in fault


def test_what_is_not_a_file_is_refused_without_waiting(tmp_path: Path) -> None:
    assert "there is no file" in faults_of(tmp_path / "station.toml")[0]
    assert "not a file" in faults_of(tmp_path)[0]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "not a file" in faults_of(pipe)[0]


def test_a_good_file_is_kept_for_the_day_it_is_damaged(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    path = written(tmp_path)
    first = load_with_fallback(path, data)
    assert (first.source, first.damage) == (path, ())
    for damage in (b"", MINIMAL[:100], b"\0" * 100, MINIMAL.replace(b"max_power_w", b"max_powr_w"), MINIMAL * 2):
        path.write_bytes(damage)
        loaded = load_with_fallback(path, data)
        assert loaded.settings == first.settings
        assert loaded.source == data / GOOD
        assert loaded.damage
    path.unlink()
    assert "there is no file" in load_with_fallback(path, data).damage[0].reason


def test_nothing_good_was_ever_kept(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="it is empty"):
        load_with_fallback(written(tmp_path, b""), tmp_path)


def test_one_older_generation_serves_when_the_newest_copy_is_damaged(tmp_path: Path) -> None:
    path = written(tmp_path)
    load_with_fallback(path, tmp_path)
    newer = MINIMAL.replace(b"home-1", b"home-2")
    path.write_bytes(newer)
    load_with_fallback(path, tmp_path)
    path.write_bytes(b"")
    assert load_with_fallback(path, tmp_path).settings.station.name == "home-2"
    good = tmp_path / GOOD
    good.write_bytes(good.read_bytes().replace(b"11_000", b"99_000"))  # readable, but not what was kept
    loaded = load_with_fallback(path, tmp_path)
    assert (loaded.source.name, loaded.settings.station.name) == (OLDER, "home-1")
    (tmp_path / OLDER).write_bytes(b"garbage")
    with pytest.raises(ConfigError):
        load_with_fallback(path, tmp_path)


def test_a_damaged_copy_never_replaces_the_older_one(tmp_path: Path) -> None:
    path = tmp_path / "station.toml"
    config_file.keep(b"one = 1", tmp_path, path)
    config_file.keep(b"two = 2", tmp_path, path)
    (tmp_path / GOOD).write_bytes(b"torn")
    config_file.keep(b"three = 3", tmp_path, path)
    assert [content for _, content in config_file.kept(tmp_path, path)] == [b"three = 3", b"one = 1"]


def test_a_copy_of_another_file_never_serves(tmp_path: Path) -> None:
    """Whoever mistypes a name, or tries a new file that has faults, is told so."""
    load_with_fallback(written(tmp_path), tmp_path)
    with pytest.raises(ConfigError, match="there is no file"):
        load_with_fallback(tmp_path / "statoin.toml", tmp_path)
    other = tmp_path / 'new "file"\nof two lines.toml'
    other.write_bytes(MINIMAL[:100])
    with pytest.raises(ConfigError):
        load_with_fallback(other, tmp_path)
    other.write_bytes(MINIMAL)
    load_with_fallback(other, tmp_path)
    other.unlink()
    assert load_with_fallback(other, tmp_path).source == tmp_path / GOOD
    (tmp_path / "station.toml").unlink()
    assert load_with_fallback(tmp_path / "station.toml", tmp_path).source == tmp_path / OLDER


def test_a_copy_that_does_not_say_of_which_file_it_is_serves_for_any(tmp_path: Path) -> None:
    """So did those that earlier versions kept."""
    head = f"# last good station file, sha256 {hashlib.sha256(MINIMAL).hexdigest()}\n"
    (tmp_path / GOOD).write_bytes(head.encode() + MINIMAL)
    assert load_with_fallback(tmp_path / "station.toml", tmp_path).settings.station.name == "home-1"


def test_a_file_that_is_kept_already_is_not_written_again(tmp_path: Path) -> None:
    path = written(tmp_path)
    load_with_fallback(path, tmp_path)
    before = (tmp_path / GOOD).stat()
    load_with_fallback(path, tmp_path)
    assert (tmp_path / GOOD).stat().st_ino == before.st_ino


def test_a_power_cut_at_any_step_of_keeping_leaves_a_good_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps are those that change the disk: open, fsync, both renames."""

    class PowerCut(BaseException):
        pass

    def cutting(function: Callable[..., Any], step: list[int], at: int) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            step[0] += 1
            if step[0] == at:
                raise PowerCut
            return function(*arguments, **named)

        return call

    cuts = 0
    for at in range(1, 10):
        folder = tmp_path / str(at)
        folder.mkdir()
        config_file.keep(b"zero = 0", folder, folder / "station.toml")
        config_file.keep(b"one = 1", folder, folder / "station.toml")
        step = [0]
        fsync, replace = os.fsync, Path.replace
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", cutting(fsync, step, at))
            patch.setattr(Path, "replace", cutting(replace, step, at))
            try:
                config_file.keep(b"two = 2", folder, folder / "station.toml")
            except PowerCut:
                cuts += 1
        newest = next(config_file.kept(folder, folder / "station.toml"))[1]
        assert newest in (b"one = 1", b"two = 2")
    assert cuts >= 4


def test_a_full_disk_does_not_stop_a_station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    loaded = load_with_fallback(written(tmp_path), tmp_path)
    assert loaded.damage == ()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["station.toml"]


def test_the_copy_holds_its_checksum_and_is_toml(tmp_path: Path) -> None:
    path = written(tmp_path)
    load_with_fallback(path, tmp_path)
    head, _, rest = (tmp_path / GOOD).read_bytes().partition(b"\n")
    assert head.decode() == f'# last good station file, sha256 {hashlib.sha256(MINIMAL).hexdigest()}, of "{path}"'
    assert rest == MINIMAL
    assert (tmp_path / GOOD).stat().st_mode & 0o777 == 0o600


def secret_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "station.toml"
    secrets_path(path).write_text(text)
    secrets_path(path).chmod(mode)
    return path


def test_secrets_are_read_from_their_own_file(tmp_path: Path) -> None:
    path = secret_file(tmp_path, 'ocpp_authorization_key = "correct horse"\n')
    assert load_secrets(path) == Secrets(ocpp_authorization_key="correct horse")
    secrets_path(path).write_text("")
    assert load_secrets(path) == Secrets()
    secrets_path(path).unlink()
    assert load_secrets(path) == Secrets()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o644])
def test_secrets_that_others_may_read_are_refused(tmp_path: Path, mode: int) -> None:
    path = secret_file(tmp_path, 'ocpp_authorization_key = "hunter2"\n', mode)
    with pytest.raises(ConfigError) as caught:
        load_secrets(path)
    (fault,) = caught.value.faults
    assert (fault.key, fault.found, fault.file) == ("the file's mode", f"0{mode:03o}", "secrets.toml")
    assert "chmod 600" in fault.remedy


@pytest.mark.parametrize(
    "text",
    [
        'ocpp_authorization_ky = "hunter2"',
        "ocpp_authorization_key = hunter2",
        'ocpp_authorization_key = "hunter2',
        'ocpp_authorization_key = ["hunter2"]',
        'ocpp_authorization_key = "hunter2"\nocpp_authorization_key = "hunter2"',
        f'ocpp_authorization_key = "{"hunter2" * 20}"',
        'ocpp_authorization_key = "hunter2\\n"',
    ],
)
def test_a_fault_of_the_secrets_never_repeats_them(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_secrets(secret_file(tmp_path, text))
    assert caught.value.faults
    assert "hunter2" not in str(caught.value)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)
SECTIONS = st.sampled_from([*Settings.__struct_fields__, "statoin"])
KEYS = st.sampled_from(
    ["name", "port", "type", "number", "meter", "address", "url", "identity", "white", "black", "device", "kind",
     "connectors", "configuration", "power_limit_w", "driver", "host", "max_power_w", "min_current_a"]
) | st.text(max_size=12)  # fmt: skip
TABLES = st.dictionaries(KEYS, VALUES, max_size=6)
DOCUMENTS = st.dictionaries(SECTIONS | st.text(max_size=8), TABLES | st.lists(TABLES, max_size=3) | VALUES, max_size=6)
FUZZ = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
LONG_FUZZ = settings(FUZZ, max_examples=5_000, derandomize=False)


@FUZZ
@given(document=DOCUMENTS)
def test_any_document_gives_faults_and_never_an_exception(document: dict[str, Any]) -> None:
    faults = check(document, Settings)
    assert faults
    for fault in faults:
        assert fault.key and fault.reason and fault.remedy
        assert ("\n" not in str(fault) and str(fault).isprintable()) or " " in str(fault)


@FUZZ
@given(content=st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_any_bytes_give_faults_and_never_an_exception(tmp_path: Path, content: bytes) -> None:
    assert faults_of(written(tmp_path, content))


LINES = (EXAMPLES / "demo.toml").read_text().splitlines(keepends=True)


def edited(data: st.DataObject) -> bytes:
    """The demonstration's file after a few strokes of a careless hand."""
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        what = data.draw(st.sampled_from(["drop", "twice", "swap", "cut", "value"]))
        if what == "drop":
            del lines[at]
        elif what == "twice":
            lines.insert(at, lines[at])
        elif what == "swap":
            other = data.draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], lines[at]
        elif what == "cut":
            lines[at] = lines[at][: data.draw(st.integers(0, len(lines[at])))]
        else:
            value = data.draw(st.sampled_from(VALUES_OF_A_HAND))
            lines[at] = lines[at].partition("=")[0] + f"= {value}\n"
    return "".join(lines).encode()


VALUES_OF_A_HAND = ["-1", "0", "1e300", "nan", '""', '"x"', "[]", "{}", "true", "1979-05-27"]


def good_or_faulty(path: Path) -> None:
    try:
        load(path)
    except ConfigError as error:
        assert error.faults
        assert all(str(fault).isprintable() for fault in error.faults)


@FUZZ
@given(data=st.data())
def test_an_edited_file_is_good_or_has_faults(tmp_path: Path, data: st.DataObject) -> None:
    good_or_faulty(written(tmp_path, edited(data)))


@pytest.mark.long
@LONG_FUZZ
@given(data=st.data())
def test_many_edited_files_are_good_or_have_faults(tmp_path: Path, data: st.DataObject) -> None:
    good_or_faulty(written(tmp_path, edited(data)))


@pytest.mark.long
@LONG_FUZZ
@given(document=DOCUMENTS)
def test_many_documents_give_faults_and_never_an_exception(document: dict[str, Any]) -> None:
    assert check(document, Settings)
