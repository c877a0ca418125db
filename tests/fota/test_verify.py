"""What is refused, by which code, before and after it is known whose it is; each refusal leaves nothing behind."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fota import container
from fota.container import PRELUDE_BYTES, Exemption
from fota.stage import stage
from fota.verify import inspect
from tests.fota import parcels
from tests.fota.parcels import Machine, key, trust_file

LATER = datetime(2100, 1, 1, tzinfo=UTC)
PAST = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("where", ["keys", "slots"])
def test_root_believes_no_list_of_keys_that_another_account_may_have_laid(
    machine: Machine, tmp_path: Path, where: str
) -> None:
    file = parcels.application(tmp_path, "1.1.0.0", signer="stranger")
    laid = getattr(machine.place, where) / "trust.json"
    laid.write_bytes(msgspec.json.encode(trust_file(number=7, release=(key("stranger"),))))
    os.chown(laid, 65534, 65534)
    staged = stage(file, machine.place)
    assert (staged.ok, staged.code) == (False, "failed")
    assert "another account" in staged.text


def refused(machine: Machine, file: Path, code: str) -> str:
    """Both verdicts give that code, and staging changes nothing; the text is for people."""
    before = parcels.contents(machine.place.slots)
    verdict = machine.verdict(file)
    assert (verdict.ok, verdict.code) == (False, code)
    assert verdict.text.endswith(".")
    staged = stage(file, machine.place)
    assert (staged.ok, staged.code, staged.bytes_written) == (False, code, 0)
    after = parcels.contents(machine.place.slots)
    assert {name for name in after if name != ".stage-lock"} == {name for name in before if name != ".stage-lock"}
    return verdict.text


@dataclass
class Case:
    """A package and a machine that does not take it."""

    code: str
    package: dict[str, Any] = field(default_factory=dict)
    trust: dict[str, Any] = field(default_factory=dict)
    version: str = "1.1.0.0"
    kind: str = "application"


CASES = {
    "another key": Case("unknown_key", {"signer": "stranger"}),
    "a root key signs no application": Case("unknown_key", {"signer": "root"}),
    "a release key signs no key list": Case("unknown_key", {"signer": "release"}, kind="keys"),
    "a stranger's key list": Case("unknown_key", {"signer": "stranger"}, kind="keys"),
    "revoked": Case("revoked_key", trust={"revoked": (key("release").id,)}),
    "revoked, though it stands nowhere": Case(
        "revoked_key", {"signer": "stranger"}, {"revoked": (key("stranger").id,)}
    ),
    "revoked root": Case("revoked_key", trust={"revoked": (key("root").id,)}, kind="keys"),
    "its time is over": Case("expired_key", trust={"release": (key("release", not_after=PAST),)}),
    "development key on a release station": Case(
        "unknown_key",
        {"signer": "development"},
        {"release": (key("release"), key("development", is_development=True))},
    ),
    "no keys at all": Case("unknown_key", trust={"root": (), "release": ()}),
    "older": Case("older", version="0.9.0.0"),
    "the same": Case("same", version="1.0.0.0"),
    "another product": Case("other_product", {"product": "kiosk"}),
    "another product's key list": Case("other_product", {"product": "kiosk"}, kind="keys"),
    "another processor": Case("other_hardware", {"hardware": ("arm64", "riscv64")}),
    "another Python": Case("other_runtime", {"runtime": "cp312"}),
    "an application that wants another before": Case("does_not_fit", {"fits": ("1.1.*",)}),
    "web pages of another version": Case("does_not_fit", {"fits": ("2.*", "1.0.0.1")}, kind="web"),
    "older web pages": Case("older", version="0.9.0.0", kind="web"),
    "web pages that are here": Case("same", version="1.0.0.0", kind="web"),
    "exception for another station": Case("older", {"exception": Exemption(serials=("CP-7",))}, version="0.9.0.0"),
    "exception whose time is over": Case("older", {"exception": parcels.for_all(PAST)}, version="0.9.0.0"),
    "key list with the number in force": Case("same", {"number": 1}, kind="keys"),
    "older key list": Case("older", {"number": 4}, {"number": 5}, kind="keys"),
    "key list that leaves nobody": Case("bad_format", {"revoked": (key("release").id,)}, kind="keys"),
    "key list with one key for both": Case("bad_format", {"root": (key("root"), key("release"))}, kind="keys"),
}


def made(folder: Path, case: Case) -> Path:
    if case.kind == "keys":
        return parcels.key_list(folder, **({"number": 2} | case.package))
    if case.kind == "web":
        return parcels.web(folder, case.version, **case.package)
    return parcels.application(folder, case.version, **case.package)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_is_not_for_this_station_is_refused(machine: Machine, tmp_path: Path, case: Case) -> None:
    machine.trust(trust_file(**case.trust))
    refused(machine, made(tmp_path, case), case.code)


def test_below_the_floor_nothing_comes_back_without_an_exception(machine: Machine, tmp_path: Path) -> None:
    verdict = machine.verdict(parcels.application(tmp_path, "1.1.0.0"), floor="1.2.0.0")
    assert verdict.code == "older" and "the floor is 1.2.0.0" in verdict.text
    package = parcels.application(tmp_path, "1.1.0.0", repair=True)
    assert machine.verdict(package, floor="1.2.0.0", version="1.1.0.0").code == "older"


@pytest.mark.parametrize(
    ("version", "more", "want"),
    [
        ("0.9.0.0", {"exception": parcels.for_all()}, {}),
        ("0.9.0.0", {"exception": parcels.for_all(LATER)}, {"floor": "1.0.0.0"}),
        ("0.9.0.0", {"exception": Exemption(serials=("CP-6", "CP-7"))}, {"serial": "CP-7"}),
        ("1.0.0.0", {"exception": parcels.for_all()}, {}),
        ("1.0.0.0", {"repair": True}, {}),
        ("1.0.0.1", {}, {"floor": "1.0.0.1"}),
        ("1.0.0.10", {}, {"version": "1.0.0.9"}),
        ("1.1.0.0", {"fits": ("1.0.*",)}, {}),
        ("1.1.0.0", {"hardware": ("arm64", "amd64")}, {}),
    ],
)
def test_what_may_be_installed(
    machine: Machine, tmp_path: Path, version: str, more: dict[str, Any], want: dict[str, Any]
) -> None:
    verdict = machine.verdict(parcels.application(tmp_path, version, **more), **want)
    assert (verdict.code, verdict.may_go_back) == ("ok", "exception" in more)


def test_a_development_key_counts_where_the_station_is_one_for_development(machine: Machine, tmp_path: Path) -> None:
    keys = (key("release"), key("development", is_development=True))
    machine.trust(trust_file(release=keys, development=True))
    assert machine.verdict(parcels.application(tmp_path, "1.1.0.0", signer="development")).ok


def test_an_unset_clock_does_not_expire_a_key_and_a_set_one_does(machine: Machine, tmp_path: Path) -> None:
    until = parcels.MADE_AT + timedelta(days=30)
    machine.trust(trust_file(release=(key("release", not_after=until),)))
    file = parcels.application(tmp_path, "1.1.0.0")
    assert machine.verdict(file, now=parcels.MADE_AT).ok
    assert machine.verdict(file, now=until + timedelta(seconds=1)).code == "expired_key"


def test_a_revocation_outlives_a_newer_list_and_also_hits_packages_signed_before(
    machine: Machine, tmp_path: Path
) -> None:
    signed_before = parcels.application(tmp_path, "1.1.0.0")
    assert machine.verdict(signed_before).ok
    bad = (key("release").id,)
    assert stage(parcels.key_list(tmp_path, 3, release=(key("second"),), revoked=bad), machine.place).ok
    refused(machine, signed_before, "revoked_key")
    assert stage(parcels.key_list(tmp_path, 4, release=(key("second"), key("release"))), machine.place).ok
    refused(machine, signed_before, "revoked_key")
    assert machine.verdict(parcels.application(tmp_path, "1.1.0.0", signer="second")).ok


def test_the_list_of_the_system_package_counts_again_when_it_is_newer(machine: Machine, tmp_path: Path) -> None:
    assert stage(parcels.key_list(tmp_path, 3, release=(key("second"),)), machine.place).ok
    refused(machine, parcels.application(tmp_path, "1.1.0.0"), "unknown_key")
    machine.trust(trust_file(number=4))
    assert machine.verdict(parcels.application(tmp_path, "1.1.0.0")).ok


def test_a_damaged_newer_list_is_not_passed_over(machine: Machine, tmp_path: Path) -> None:
    assert stage(parcels.key_list(tmp_path, 3, revoked=(key("stranger").id,)), machine.place).ok
    (machine.place.slots / "trust.json").write_bytes(b'{"number":')
    assert stage(parcels.application(tmp_path, "1.1.0.0"), machine.place).code == "failed"


def changed(file: Path, change: Callable[[bytes], bytes]) -> None:
    file.write_bytes(change(file.read_bytes()))


def test_cut_anywhere_it_is_truncated(machine: Machine, tmp_path: Path) -> None:
    file = parcels.application(tmp_path, "1.1.0.0")
    whole = file.read_bytes()
    for cut in [1, 8, 247, PRELUDE_BYTES, *range(PRELUDE_BYTES + 1, len(whole), len(whole) // 20), len(whole) - 1]:
        file.write_bytes(whole[:cut])
        refused(machine, file, "truncated")


def test_a_flipped_bit_in_any_region_is_refused(machine: Machine, tmp_path: Path) -> None:
    file = parcels.application(tmp_path, "1.1.0.0")
    whole = file.read_bytes()
    header_end = PRELUDE_BYTES + container.read_prelude(whole).header_bytes
    regions = {
        (0, 8): {"unsigned"},
        (8, 12): {"bad_format"},
        (12, 152): {"unsigned"},
        (152, 184): {"unknown_key"},
        (184, PRELUDE_BYTES): {"unsigned"},
        (PRELUDE_BYTES, header_end): {"damaged"},
        (header_end, len(whole)): {"damaged"},
    }
    chosen = random.Random(7)
    for (begin, end), codes in regions.items():
        for at in {begin, end - 1, *(chosen.randrange(begin, end) for _ in range(3))}:
            flipped = bytearray(whole)
            flipped[at] ^= 1 << chosen.randrange(8)
            file.write_bytes(flipped)
            verdict = machine.verdict(file)
            assert verdict.code in codes, at
            refused(machine, file, verdict.code)


OTHERS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a byte more": (lambda data: data + b"\0", "damaged"),
    "two glued": (lambda data: data + data, "damaged"),
    "empty": (lambda data: b"", "unsigned"),
    "a zip file": (lambda data: b"PK\x03\x04" + data, "unsigned"),
    "no signature": (lambda data: data[:184] + bytes(64) + data[248:], "unsigned"),
    "longer header announced": (lambda data: data[:12] + b"\xff" * 4 + data[16:], "unsigned"),
    "huge payload announced": (lambda data: data[:16] + b"\xff" * 8 + data[24:], "unsigned"),
}


@pytest.mark.parametrize(("change", "code"), OTHERS.values(), ids=OTHERS.keys())
def test_other_files_are_refused(machine: Machine, tmp_path: Path, change: Callable[[bytes], bytes], code: str) -> None:
    file = parcels.application(tmp_path, "1.1.0.0")
    changed(file, change)
    refused(machine, file, code)


@pytest.mark.parametrize(("at", "size"), [(12, 4), (16, 8)])
def test_a_length_beyond_the_bound_is_refused_though_it_is_signed(
    machine: Machine, tmp_path: Path, at: int, size: int
) -> None:
    file = parcels.application(tmp_path, "1.1.0.0")
    data = bytearray(file.read_bytes())
    data[at : at + size] = b"\x7f" * size
    signed = container.DOMAIN + bytes(data[:184])
    data[184:248] = parcels.private_key("release").sign(signed)
    file.write_bytes(data)
    refused(machine, file, "too_large")


def test_a_signature_made_for_something_else_does_not_count(machine: Machine, tmp_path: Path) -> None:
    file = parcels.application(tmp_path, "1.1.0.0")
    data = file.read_bytes()
    file.write_bytes(data[:184] + parcels.private_key("release").sign(data[:184]) + data[248:])
    refused(machine, file, "unsigned")


def test_only_a_regular_file_is_opened(machine: Machine, tmp_path: Path) -> None:
    file = parcels.application(tmp_path, "1.1.0.0")
    link, pipe, folder = tmp_path / "link.cpk", tmp_path / "pipe.cpk", tmp_path / "folder.cpk"
    link.symlink_to(file)
    os.mkfifo(pipe)
    folder.mkdir()
    for other in (link, pipe, folder, tmp_path / "missing.cpk", Path("/dev/zero")):
        refused(machine, other, "unreadable")


def test_only_the_header_is_read_when_nobody_asks_for_more(machine: Machine, tmp_path: Path) -> None:
    file = parcels.application(tmp_path, "1.1.0.0", notes="Новое")
    changed(file, lambda data: data[:-1] + bytes([data[-1] ^ 1]))
    from fota.trust import load

    keys = load(machine.place.keys, machine.place.slots)
    verdict = inspect(file, keys, machine.want(), with_payload=False)
    assert verdict.ok and verdict.header is not None and verdict.header.notes == "Новое"


@pytest.mark.realtime
async def test_the_program_prints_one_line_of_json(machine: Machine, tmp_path: Path) -> None:
    file = parcels.application(tmp_path, "1.1.0.0")
    command = [sys.executable, "-m", "fota.verify", str(file), *machine.options()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"], told["header"]["version"]) == (0, True, "1.1.0.0")
    assert told["sha256"] == told["header"]["content"]["sha256"]
