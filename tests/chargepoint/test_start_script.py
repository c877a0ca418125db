"""scripts/start.sh with real processes and trees that are a small script each (docs/operations.md, Exit statuses)."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chargepoint import slots
from tests.chargepoint.trees import fill, install, stage

ROOT = Path(__file__).parents[2]
LIMIT_S = 30.0

pytestmark = pytest.mark.realtime

# Does what the next line of the plan says: an exit code, `hold` (until SIGTERM), `stick` (it ignores that), `die`.
PROGRAM = """#!/bin/sh
echo "{version} $*" >> {notes}
case "$*" in *--help*) exit 0 ;; esac
step=$(head -n 1 {plan})
sed -i 1d {plan}
case "$step" in
    hold) trap 'echo told >> {notes}; exit 0' TERM; echo holding >> {notes}; while :; do sleep 0.02; done ;;
    stick) trap '' TERM; echo holding >> {notes}; while :; do sleep 0.02; done ;;
    hang) while :; do sleep 0.02; done ;;
    die) kill -9 $$ ;;
    watched) echo "watchdog $WATCHDOG_PID mine $$" >> {notes}; exit 0 ;;
    *) exit "${{step:-0}}" ;;
esac
"""


class Machine:
    """A machine with start.sh, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.slots = folder / "slots"
        self.factory = folder / "app"
        self.notes, self.plan = folder / "notes", folder / "plan"
        self.notes.touch()
        self.running: subprocess.Popen[str] | None = None
        (folder / "bin").mkdir()
        shutil.copy(ROOT / "scripts/start.sh", folder / "bin/start.sh")
        shutil.copy(slots.__file__, folder / "bin/slots.py")
        fill(self.factory, "1.0.0", self.program("1.0.0"))

    def program(self, version: str) -> str:
        return PROGRAM.format(version=version, notes=self.notes, plan=self.plan)

    def install(self, version: str) -> None:
        install(self.slots, self.factory, version, self.program(version))

    def stage(self, version: str) -> None:
        stage(self.slots, version, self.program(version))

    def start(self, *plan: object, **more: str) -> subprocess.Popen[str]:
        self.plan.write_text("".join(f"{step}\n" for step in plan))
        environment = {
            "PATH": os.environ["PATH"],
            "CHARGEPOINT_FACTORY": str(self.factory),
            "CHARGEPOINT_SLOTS": str(self.slots),
            "CHARGEPOINT_KEYS": str(self.folder / "keys"),
            "CHARGEPOINT_DATA": str(self.folder / "data"),
            "CHARGEPOINT_LOGS": "",
            "CHARGEPOINT_DELAY_S": "0",
            "CHARGEPOINT_PYTHON": sys.executable,
            "CHARGEPOINT_REBOOT": f"touch {self.folder / 'rebooted'}",
            "CHARGEPOINT_POWER_OFF": "false",
            **more,
        }
        command = ["/bin/sh", str(self.folder / "bin/start.sh")]
        self.running = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, cwd=self.folder)
        return self.running

    def run(self, *plan: object, **more: str) -> int:
        """To its end; its exit status."""
        return self.start(*plan, **more).wait(LIMIT_S)

    def versions(self) -> list[str]:
        """Of each run, in order."""
        return [
            line.split()[0] for line in self.notes.read_text().splitlines() if " run " in line and "--help" not in line
        ]

    def wait_for(self, holds: Callable[[], bool]) -> None:
        until_s = time.monotonic() + LIMIT_S
        while not holds():
            assert time.monotonic() < until_s, self.notes.read_text()
            assert self.running is not None
            time.sleep(0.02)

    def wait_until_it_holds(self) -> None:
        self.wait_for(lambda: "holding" in self.notes.read_text())


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    yield made
    if made.running is not None:
        if made.running.poll() is None:
            made.running.kill()
        made.running.communicate()


def test_an_orderly_end_ends_it(machine: Machine) -> None:
    assert machine.run(0) == 0
    (line,) = machine.notes.read_text().splitlines()
    assert line.startswith("1.0.0 -IB -m chargepoint run --config ")
    assert line.endswith("--really")


def test_a_crash_and_a_wish_to_restart_start_it_again(machine: Machine) -> None:
    assert machine.run(1, 30, "die", 0) == 0
    assert machine.versions() == ["1.0.0"] * 4


def test_an_update_is_switched_to_and_given_up_when_it_crashes(machine: Machine) -> None:
    machine.stage("1.1.0")
    assert machine.run(10, 1, 0) == 0
    assert machine.versions() == ["1.0.0", "1.1.0", "1.0.0"]
    state = slots.read(machine.slots)
    assert (state.outcome, state.current) == ("returned", "factory")
    assert "exit code 1" in state.reason


def test_a_version_that_is_killed_on_trial_is_given_up(machine: Machine) -> None:
    machine.install("1.1.0")
    machine.stage("1.2.0")
    assert machine.run(12, "die", 0) == 0
    assert machine.versions() == ["1.1.0", "1.2.0", "1.1.0"]
    assert "signal 9" in slots.read(machine.slots).reason


def test_a_wish_to_install_what_is_not_there_starts_it_again(machine: Machine) -> None:
    assert machine.run(10, 0) == 0
    assert machine.versions() == ["1.0.0", "1.0.0"]


def test_controller_firmware_is_installed_between_two_runs(machine: Machine) -> None:
    assert machine.run(11, 0, 0) == 0
    lines = machine.notes.read_text().splitlines()
    assert [" firmware --" in line for line in lines] == [False, True, False]


def test_a_wish_to_reboot_reboots(machine: Machine) -> None:
    running = machine.start(20)
    machine.wait_for((machine.folder / "rebooted").exists)
    running.terminate()  # as the machine does it, going down
    assert running.wait(LIMIT_S) == 0
    assert machine.versions() == ["1.0.0"]


def test_where_the_machine_cannot_be_switched_off_the_station_goes_on(machine: Machine) -> None:
    assert machine.run(21, 0) == 0
    assert machine.versions() == ["1.0.0", "1.0.0"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_reach_the_station_and_its_end_is_waited_for(machine: Machine, number: signal.Signals) -> None:
    running = machine.start("hold")
    machine.wait_until_it_holds()
    running.send_signal(number)
    assert running.wait(LIMIT_S) == 0
    assert machine.versions() == ["1.0.0"]


def test_an_end_that_is_asked_for_while_the_tree_is_chosen_starts_nothing(machine: Machine) -> None:
    machine.install("1.1.0")
    machine.stage("1.2.0")
    slow = machine.folder / "slow-python"
    wait_and_tell = 'while [ ! -s pid ]; do sleep 0.01; done; kill -s TERM "$(cat pid)"'
    slow.write_text(f'#!/bin/sh\ncase "$*" in *" start") {wait_and_tell} ;; esac\nexec {sys.executable} "$@"\n')
    slow.chmod(0o755)
    machine.notes.write_text("")
    running = machine.start(0, CHARGEPOINT_PYTHON=str(slow))
    (machine.folder / "pid").write_text(str(running.pid))
    assert running.wait(LIMIT_S) == 0
    assert machine.versions() == []
    assert slots.read(machine.slots).ready != ""


def test_a_station_whose_start_script_is_killed_is_told_to_end(machine: Machine) -> None:
    running = machine.start("hold")
    machine.wait_until_it_holds()
    running.kill()
    machine.wait_for(lambda: machine.notes.read_text().endswith("told\n"))


def test_a_setpriv_that_cannot_bind_keeps_no_station_from_running(machine: Machine) -> None:
    (machine.folder / "tools").mkdir()
    poor = machine.folder / "tools/setpriv"
    poor.write_text("#!/bin/sh\necho 'unrecognized option: pdeathsig' >&2\nexit 1\n")
    poor.chmod(0o755)
    assert machine.run(0, PATH=f"{poor.parent}:{os.environ['PATH']}") == 0
    assert machine.versions() == ["1.0.0"]


def test_an_alarm_that_does_not_hear_that_it_is_over_is_not_waited_for(machine: Machine) -> None:
    (machine.folder / "tools").mkdir()
    deaf = machine.folder / "tools/setpriv"
    deaf.write_text("#!/bin/sh\ntrap '' TERM\nshift 2\nexec \"$@\"\n")
    deaf.chmod(0o755)
    machine.stage("1.1.0")
    slots.switch(machine.slots)
    assert machine.run(1, 0, PATH=f"{deaf.parent}:{os.environ['PATH']}") == 0
    assert machine.versions() == ["1.1.0", "1.0.0"]


def test_a_trial_that_another_station_keeps_from_its_data_has_not_ended_badly(machine: Machine) -> None:
    machine.stage("1.1.0")
    slots.switch(machine.slots)
    assert machine.run(slots.OCCUPIED, slots.OCCUPIED, slots.OCCUPIED, 0) == 0
    assert machine.versions() == ["1.1.0"] * 4
    state = slots.read(machine.slots)
    assert (state.trial, state.starts, state.orderly) == (True, 1, 1)


def test_being_stopped_does_not_end_a_trial(machine: Machine) -> None:
    machine.stage("1.1.0")
    slots.switch(machine.slots)
    running = machine.start("hold")
    machine.wait_until_it_holds()
    running.terminate()
    assert running.wait(LIMIT_S) == 0
    assert slots.read(machine.slots).trial


@pytest.mark.parametrize("step", ["hold", "stick"])
def test_a_trial_that_is_not_kept_in_time_is_given_up(machine: Machine, step: str) -> None:
    source = machine.folder / "bin/slots.py"
    source.write_text(source.read_text().replace("STOP_LIMIT_S = 15.0", "STOP_LIMIT_S = 0.3"))
    machine.stage("1.1.0")
    assert machine.run(10, step, 0, CHARGEPOINT_GIVE_UP_S="0.3") == 0
    assert machine.versions() == ["1.0.0", "1.1.0", "1.0.0"]
    assert "not kept in time" in slots.read(machine.slots).reason


def test_a_version_that_runs_in_the_place_of_a_trial_is_not_ended_for_it(machine: Machine) -> None:
    machine.stage("1.1.0")
    slots.switch(machine.slots)
    (machine.slots / "slots-1.json.new").mkdir()  # nothing can be written: the trial is not begun
    running = machine.start("hold", CHARGEPOINT_GIVE_UP_S="0.3")
    machine.wait_until_it_holds()
    assert machine.versions() == ["1.0.0"]
    with pytest.raises(subprocess.TimeoutExpired):
        running.wait(0.9)
    running.terminate()
    assert running.wait(LIMIT_S) == 0


def test_a_version_on_trial_whose_firmware_command_hangs_is_given_up(machine: Machine) -> None:
    machine.stage("1.1.0")
    slots.switch(machine.slots)
    running = machine.start(11, "hold", 0)
    machine.wait_until_it_holds()
    assert "firmware" in machine.notes.read_text()
    running.send_signal(signal.SIGABRT)  # systemd's watchdog, which is not fed for ever
    assert running.wait(LIMIT_S) == 1
    state = slots.read(machine.slots)
    assert (state.current, state.outcome) == ("factory", "returned")


@pytest.mark.parametrize("step", ["hang", "stick"])
def test_a_firmware_command_that_hangs_is_ended_and_the_station_comes_back(machine: Machine, step: str) -> None:
    source = machine.folder / "bin/slots.py"
    source.write_text(source.read_text().replace("STOP_LIMIT_S = 15.0", "STOP_LIMIT_S = 0.3"))
    machine.stage("1.1.0")
    slots.switch(machine.slots)
    assert machine.run(11, step, 0, CHARGEPOINT_FIRMWARE_S="0.3") == 0
    assert machine.versions() == ["1.1.0", "1.0.0"]
    assert slots.read(machine.slots).outcome == "returned"


def test_a_version_that_is_kept_is_not_given_up(machine: Machine) -> None:
    machine.stage("1.1.0")
    slots.switch(machine.slots)
    running = machine.start("hold", CHARGEPOINT_GIVE_UP_S="0.5")
    machine.wait_until_it_holds()
    slots.keep(machine.slots)
    with pytest.raises(subprocess.TimeoutExpired):
        running.wait(0.9)
    running.terminate()
    assert running.wait(LIMIT_S) == 0


def test_what_hangs_under_systemd_is_given_up(machine: Machine) -> None:
    machine.stage("1.1.0")
    slots.switch(machine.slots)
    running = machine.start("stick")
    machine.wait_until_it_holds()
    running.send_signal(signal.SIGABRT)  # as systemd's watchdog does
    assert running.wait(LIMIT_S) == 1, "systemd starts it again"
    state = slots.read(machine.slots)
    assert (state.current, state.outcome) == ("factory", "returned")
    assert "watchdog" in state.reason


def test_the_station_is_the_one_the_watchdog_is_about(machine: Machine) -> None:
    assert machine.run("watched", NOTIFY_SOCKET="/nowhere", WATCHDOG_USEC="30000000", WATCHDOG_PID="1") == 0
    words = machine.notes.read_text().splitlines()[-1].split()
    assert words[1] == words[3]


def test_the_watchdog_is_fed_while_a_start_is_waited_for(machine: Machine) -> None:
    address = machine.folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(address))
        systemd.settimeout(LIMIT_S)
        running = machine.start(
            1, NOTIFY_SOCKET=str(address), WATCHDOG_USEC="300000", WATCHDOG_PID="1", CHARGEPOINT_DELAY_S="60"
        )
        assert [systemd.recv(100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
        running.terminate()
        assert running.wait(LIMIT_S) == 0, "a wait ends at once"


def test_a_wait_doubles_up_to_its_bound(machine: Machine) -> None:
    source = machine.folder / "bin/slots.py"
    source.write_text(
        source.read_text().replace(
            "def pause(seconds: float) -> None:\n", "def pause(seconds: float) -> None:\n    return\n", 1
        )
    )
    running = machine.start(1, 1, 1, 1, 1, 0, CHARGEPOINT_DELAY_S="20", CHARGEPOINT_DELAY_MAX_S="100")
    _, said = running.communicate(timeout=LIMIT_S)
    assert [line.split()[-2] for line in said.splitlines() if "starting again" in line] == [
        "20",
        "40",
        "80",
        "100",
        "100",
    ]


def test_without_a_readable_state_the_factory_runs(machine: Machine) -> None:
    (machine.folder / "bin/slots.py").write_text("nonsense(")
    assert machine.run(0) == 0
    assert machine.versions() == ["1.0.0"]


def test_a_new_tree_is_not_looked_into_by_an_old_process(machine: Machine) -> None:
    """What is started is the tree itself, never the link that moves on."""
    machine.install("1.1.0")
    running = machine.start(0)
    _, said = running.communicate(timeout=LIMIT_S)
    assert f"starting {machine.slots / 'a'}\n" in said


def test_the_script_is_plain_sh() -> None:
    if shutil.which("shellcheck") is None:
        subprocess.run(["/bin/sh", "-n", str(ROOT / "scripts/start.sh")], check=True, timeout=20)
    else:
        subprocess.run(["shellcheck", str(ROOT / "scripts/start.sh")], check=True, timeout=60)
