"""The command: finding subcommands, their help, exit statuses, and `check`."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from chargepoint import __main__ as command_line
from chargepoint.__main__ import SUMMARIES, main
from chargepoint.commands.check import warnings
from chargepoint.config import Secrets, load
from chargepoint.version import VERSION

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


@pytest.mark.parametrize("name", SUMMARIES)
def test_the_help_of_each_command_reads_like_a_manual_page(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"NAME\n    chargepoint {name} - {SUMMARIES[name]}\n\nSYNOPSIS\n    chargepoint {name}")
    places = [text.find(f"\n{title}\n") for title in ("SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES")]
    assert places == sorted(places), text
    assert -1 not in places, text
    assert all(len(line) <= 110 for line in text.splitlines()), text


@pytest.mark.parametrize("name", SUMMARIES)
def test_the_list_of_commands_agrees_with_the_modules(name: str) -> None:
    assert SUMMARIES[name] == importlib.import_module(f"chargepoint.commands.{name}").SUMMARY


def test_the_general_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    widest = max(map(len, SUMMARIES))
    for name, summary in SUMMARIES.items():
        assert f"    {name:<{widest + 2}}{summary}" in text


def test_without_a_command_the_help_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    told = capsys.readouterr()
    assert (told.out, told.err[:4]) == ("", "NAME")


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"chargepoint {VERSION}\n"


def test_an_unknown_command_gets_the_nearest_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chek"]) == 2
    assert capsys.readouterr().err == "chargepoint: there is no command 'chek'. Did you mean check?\n"
    assert main(["xyz"]) == 2
    assert "There are run, check" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--verison"], ["check"], ["check", "a", "b"], ["check", "--jsno", "a"]])
def test_wrong_use_is_status_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert capsys.readouterr().err


def test_a_missing_part_breaks_its_own_command_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "chargepoint.commands.check", None)
    assert main(["check", "x"]) == 1
    assert "chargepoint check: this command cannot run, its installation is not whole" in capsys.readouterr().err
    assert main(["--version"]) == 0


def test_ctrl_c_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(name: str, words: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "_run", interrupted)
    assert main(["check", "x"]) == 130


def test_whoever_reads_the_output_may_leave() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    ended = subprocess.run(
        [sys.executable, "-m", "chargepoint", "check", str(EXAMPLES / "demo.toml")],
        stdout=theirs,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    os.close(theirs)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_the_version_is_the_one_of_the_package() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


def test_starting_imports_only_the_chosen_command() -> None:
    script = (
        "import sys; from chargepoint.__main__ import main; main(['--version']); "
        "print(*[m for m in ('asyncio', 'msgspec', 'rich', 'aiohttp', 'ocpp', 'sqlite3', 'cryptography') "
        "if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=60, check=True)
    assert told.stdout.decode().splitlines()[1:] == [""]


def test_check_prints_what_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(EXAMPLES / "demo.toml")]) == 0
    told = capsys.readouterr()
    assert "1          CCS2     60 kW  200 A    200 A  native at controllers-1, address 1" in told.out
    assert "meters         " in told.out and " 38400 8N1         55%" in told.out
    assert told.out.endswith("demo.toml has no fault.\n")
    assert told.err == ""


def test_check_prints_every_fault_on_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "station.toml"
    text = (EXAMPLES / "minimal.toml").read_text()
    path.write_text(text.replace("max_current_a", "max_curent_a").replace("11_000", "11"))
    (tmp_path / "secrets.toml").write_text("ocpp_authorization_key = 5")
    (tmp_path / "secrets.toml").chmod(0o600)
    assert main(["check", str(path)]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        "station.toml, [[connector]] 1, max_curent_a = 16: there is no such key. Did you mean max_current_a?",
        "secrets.toml, ocpp_authorization_key = ***: text in quotes is expected, not a number. Correct it. "
        "Its meaning: Password of HTTP basic authentication at the central system.",
        "2 faults.",
    ]


def test_check_tells_the_load_of_every_line_that_is_polled(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--json", str(EXAMPLES / "dc-100.toml")]) == 0
    load = json.loads(capsys.readouterr().out)["poll_load"]
    assert load.keys() == {"controllers", "meters-dc", "meters-ac", "insulation", "cabinet"}
    assert load["cabinet"] == pytest.approx(0.38, abs=0.02)


def test_check_tells_programs_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--json", str(EXAMPLES / "minimal.toml")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] and told["warnings"] == []
    assert told["poll_load"]["rs485"] == pytest.approx(0.486, abs=0.01)
    path = tmp_path / "station.toml"
    path.write_text("")
    assert main(["check", "--json", str(path)]) == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["ok"]
    assert [fault["reason"] for fault in told["faults"]] == ["it is empty"]


@pytest.mark.parametrize(
    ("old", "new", "warning"),
    [
        (
            'device = "/dev/ttyUSB0"',
            'device = "/dev/ttyUSB0"\nbaud_rate = 4800',
            "the polls take about 89% of its time",
        ),
        (
            'device = "/dev/ttyUSB0"',
            'device = "/dev/ttyUSB0"\nbaud_rate = 19_201',
            '[[port]] "rs485", baud_rate = 19201: no usual rate',
        ),
        ("[[port]]", '[[port]]\nname = "spare"\ndevice = "/dev/x"\n[[port]]', '[[port]] "spare": nothing hangs on it'),
        ("[[meter]]", '[[meter]]\nname = "old"\nport = "rs485"\naddress = 9\n[[meter]]', '"old": it measures nothing'),
        ("[[meter]]", '[[reader]]\nname = "r"\n[[meter]]', '[[reader]] "r": it has no port'),
        ("free_mode = true", "free_mode = true\nplug_and_charge = true", "[station], plug_and_charge"),
        ("[[meter]]", '[ocpp]\nurl = "ws://central.example/o"\n[[meter]]', "ws:// is not encrypted"),
        (
            'device = "/dev/ttyUSB0"',
            'kind = "tcp"\nhost = "gw"\nbaud_rate = 19200',
            '[[port]] "rs485", baud_rate: a port of kind tcp has none',
        ),
    ],
)
def test_check_warns_of_what_is_probably_not_meant(tmp_path: Path, old: str, new: str, warning: str) -> None:
    path = tmp_path / "station.toml"
    text = (EXAMPLES / "minimal.toml").read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    (found,) = warnings(load(path), Secrets())
    assert warning in found


def test_check_tells_presets_that_ocpp_will_not_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "station.toml"
    presets = (
        "[ocpp.configuration]\nHeartbeatIntervall = 5\nMeterValueSampleInterval = -5\nNumberOfConnectors = 9\n"
        "LocalPreAuthorize = true\nheartbeatinterval = 60\n"
    )
    path.write_text((EXAMPLES / "minimal.toml").read_text() + presets)
    assert main(["check", str(path)]) == 1
    first, second, third, count = capsys.readouterr().err.splitlines()
    assert first == (
        "station.toml, [ocpp.configuration], HeartbeatIntervall = 5: there is no such key. "
        "Did you mean HeartbeatInterval?"
    )
    assert second.startswith("station.toml, [ocpp.configuration], MeterValueSampleInterval = -5: integer is expected")
    assert third.startswith("station.toml, [ocpp.configuration], NumberOfConnectors = 9: the station tells this itself")
    assert count == "3 faults."


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.name)
def test_check_has_nothing_against_the_examples(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(path)]) == 0
    assert capsys.readouterr().err == ""
