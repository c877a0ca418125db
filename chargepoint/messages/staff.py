"""The service menu's calls: presence, checks of devices, forced outputs, test sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from chargepoint.messages.kinds import (
    ActionResult,
    Reply,
    Request,
    State,
)


class TechnicianAtWork(Request[ActionResult], frozen=True, kw_only=True):
    """To station: somebody is logged in. Repeat it each 5 s: after 15 s of silence he counts as gone, and every test
    and forced output ends (S19). `closes_station`: drivers are served again when he leaves. Codes: ok."""

    login: str
    is_there: bool = True
    closes_station: bool = False


class TechnicianState(State, frozen=True, kw_only=True):
    """Topic `technician`: who is logged in at the screen (`login` empty: nobody), and what is forced just now, as
    `lights 1`, `test 2`, `exercise 1`."""

    login: str = ""
    since_mono_s: float = 0.0
    closes_station: bool = False
    forced: tuple[str, ...] = ()


class CheckController(Request[ActionResult], frozen=True, kw_only=True):
    """To station: ask a controller all it can be asked; nothing is switched. `table`: what, answered, ms, said.

    `values`: `polls`, `failed` of the last 100 polls. Codes: ok, failed, unknown_connector, busy.
    """

    connector: int
    by: str = ""


class ShowTestColours(Request[ActionResult], frozen=True, kw_only=True):
    """To station: each colour for 2 s on what shows this connector (0: all), then as before; answered at the end.

    Codes: ok, no_light, no_technician, ended (he left meanwhile), busy, unknown_connector.
    """

    connector: int
    by: str = ""


class ExerciseConnector(Request[ActionResult], frozen=True, kw_only=True):
    """To station: lock and unlock three times with the feedback read; answered at the end. `table`: what, try, ms, ok.

    Codes: ok, failed, not_supported, no_technician, ended, busy, voltage, unknown_connector.
    """

    connector: int
    by: str = ""


class CheckMeter(Request[ActionResult], frozen=True, kw_only=True):
    """To station: read a meter five times, a second apart: plausible, monotone, all phases there. `table`: check,
    found, ok. Codes: ok, failed, no_meter."""

    name: str
    by: str = ""


class CheckInsulation(Request[ActionResult], frozen=True, kw_only=True):
    """To station: let the insulation monitor `name` test itself, at most 40 s. Only while its connector is free and
    without voltage (one of no connector: while all DC connectors are); nobody may start there meanwhile. Codes: ok,
    failed (`values` has `fault`), no_answer, no_monitor, not_idle, busy (it tests itself already)."""

    name: str
    by: str = ""


class ExcludeModule(Request[ActionResult], frozen=True, kw_only=True):
    """To station: leave a power module out until it is taken in again. Durable. Codes: ok, no_module, busy (its bank
    feeds a connector), not_recorded."""

    name: str
    number: int
    is_excluded: bool = True
    by: str = ""


class TestStep(msgspec.Struct, frozen=True):
    """The controller came to `status`, `at_s` seconds after the start of the test."""

    status: str
    at_s: float


class TestPoint(msgspec.Struct, frozen=True):
    """What was measured `at_s` seconds after the start; None: not measured."""

    at_s: float
    requested_v: float | None = None
    requested_a: float | None = None
    measured_v: float | None = None
    measured_a: float | None = None
    power_w: float | None = None
    temperature_c: float | None = None


class Criterion(msgspec.Struct, frozen=True):
    """One thing a test looked at. `outcome`: passed, warning, failed, skipped. `key` for screens with own texts."""

    key: str
    outcome: str
    found: str
    wanted: str


class StartTest(Request[ActionResult], frozen=True, kw_only=True):
    """To station: a test session (technician.md 5): a charge of source TECHNICIAN within limits, first reached ends it.

    `mode` ev: a vehicle; load: an emulator that speaks as one, with a voltage and current expected of it; dry: plug,
    lock, insulation, pre-charge, and no energy. It may be started before the plug is in. Codes: ok, no_technician,
    bad_limit, and those of StartCharging.
    """

    connector: int
    mode: str = "ev"
    power_w: float = 5000.0
    duration_s: float = 180.0
    energy_wh: int = 1000
    voltage_v: float | None = None
    current_a: float | None = None
    by: str


class StopTest(Request[ActionResult], frozen=True, kw_only=True):
    """To station: end a test in order. Codes: ok, no_test."""

    connector: int
    by: str = ""


class TestState(State, frozen=True, kw_only=True):
    """Topic `test/N`: the test that runs at connector N, or ran last. `phase`: waiting (for the plug), running, ending,
    done. `report` is its number once it is stored. Times in seconds since the start."""

    connector: int
    phase: str
    mode: str
    login: str
    begun_mono_s: float
    power_w: float
    duration_s: float
    energy_wh: int
    session_id: int = 0
    elapsed_s: float = 0.0
    delivered_wh: float = 0.0
    module_wh: float | None = None
    """By the power modules (AC: by the controller), to compare with the meter."""
    deviation_pct: float | None = None
    insulation_ohm: float | None = None
    u_plus_v: float | None = None
    u_minus_v: float | None = None
    steps: tuple[TestStep, ...] = ()
    points: tuple[TestPoint, ...] = ()
    """For a chart; at most 120, evenly over the time."""
    report: int = 0


class TestReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a test found; durable. `verdict`: passed, warning, failed, interrupted. `at`: None while nobody knew the
    time. `versions`: what took part, by role (software, controller, meter, station)."""

    number: int
    connector: int
    mode: str
    login: str
    verdict: str
    at: datetime | None
    duration_s: float
    session_id: int
    stop_source: str
    power_w: float
    energy_wh: int
    delivered_wh: float
    criteria: tuple[Criterion, ...]
    steps: tuple[TestStep, ...]
    points: tuple[TestPoint, ...]
    versions: dict[str, str]
    text: str = ""


class ReadTestReports(Request["TestReports"], frozen=True, kw_only=True):
    """To station: reports of tests, newest first, of one connector or all; with `number` just that one."""

    connector: int | None = None
    number: int | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


class TestReports(Reply, frozen=True, kw_only=True):
    reports: tuple[TestReport, ...]


class UpdateController(Request[ActionResult], frozen=True, kw_only=True):
    """To station: write firmware to the controller of `connector`. `image`: MAIN (the controller's own) or MODULES (of
    the module controller behind it). `file` lies in the folder of unpacked controller firmware (`Layout.slots` /
    controllers) and is compared with `sha256` (empty: with the one that the list in that folder names for it) before
    anything is sent. Answered when it has begun; how it goes is topic `firmware/N`. Codes: ok, unknown_connector,
    not_supported, busy (another is being written), not_idle, low_power (no mains, or too low), bad_file."""

    connector: int
    image: Annotated[str, Meta(pattern="^(MAIN|MODULES)$")]
    file: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    sha256: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")] = ""
    version: Annotated[str, Meta(max_length=16)] = ""
    attempts: Annotated[int, Meta(ge=1, le=10)] = 3
    by: str = ""


class FirmwareState(State, frozen=True, kw_only=True):
    """Topic `firmware/N`: firmware being written to the controller of connector N, or the last time it was. `stage`:
    entering (the boot loader), sending, checking (the whole image), starting, done, failed.

    `block` of `blocks` are acknowledged; `attempt` of `attempts` begin anew with the first. `code`: ok, no_answer,
    refused, bad_image, check_failed, wrong_version, still_in_boot_loader, ended; `text` for people.
    """

    connector: int
    image: str
    stage: str
    block: int = 0
    blocks: int = 0
    attempt: int = 1
    attempts: int = 1
    repeats: int = 0
    version_before: str = ""
    version: str = ""
    version_after: str = ""
    code: str = ""
    text: str = ""
    duration_s: float = 0.0
    by: str = ""
