"""What services answer in the samples of the service menu."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from chargepoint.messages import (
    ActionResult,
    ConfigurationPage,
    ControllerImage,
    ControllerPage,
    Criterion,
    DiagnosticsState,
    Finding,
    FirmwareState,
    Incident,
    IncidentsPage,
    JournalPage,
    Package,
    PackagesPage,
    TestPoint,
    TestReport,
    TestReports,
    TestState,
    TestStep,
    UpdateState,
    User,
    UserRow,
    UsersPage,
)
from chargepoint.records import Happened, JournalRow, Moment
from chargepoint.vocabulary import (
    EventType,
    Role,
)
from drivers.interfaces import Diagnosis, Identity, Parameter
from hmi.samples import NOW_S

LOGIN = "a.petrov"
CARD = "04A2B3C4D5E680"


CONTROLLER = ControllerPage(
    connector=1, ok=True, identity=Identity("Volt", "CC-1", "CC-0177", "2.4.1", "B", "2026-02-11"),
    diagnosis=Diagnosis(control_pilot_v=11.9, control_pilot_duty_pct=100.0, proximity_ohm=1500, t1_c=24.1, t2_c=23.8,
                        insulation_kohm=999, uptime_s=86_400 * 3),
    parameters=(
        Parameter("connect_timeout_s", 60, 10, 600, "s", "How long the controller waits for the vehicle"),
        Parameter("lock_current_ma", 900, 200, 2500, "mA", "Current of the lock's motor"),
    ),
)  # fmt: skip
POINTS = tuple(
    TestPoint(float(i), 400.0, 12.5, min(400.0, 40.0 * i), min(12.4, 1.1 * i), min(4960.0, 420.0 * i))
    for i in range(60)
)
RUNNING = TestState(
    connector=1, phase="running", mode="ev", login=LOGIN, begun_mono_s=NOW_S - 64, power_w=5000.0, duration_s=180.0,
    energy_wh=1000, elapsed_s=64.0, delivered_wh=82.4, module_wh=83.1, deviation_pct=-0.8, insulation_ohm=812_000.0,
    u_plus_v=201.0, u_minus_v=-199.0, points=POINTS,
    steps=tuple(TestStep(s, t) for s, t in (("B1", 0.4), ("C1", 2.1), ("C2", 3.0), ("C4", 9.8), ("C6", 14.2))),
)  # fmt: skip
REPORT = TestReport(
    number=12, connector=1, mode="ev", login=LOGIN, verdict="warning", at=datetime(2026, 5, 14, 8, 12, tzinfo=UTC),
    duration_s=181.0, session_id=77, stop_source="TECHNICIAN", power_w=5000.0, energy_wh=1000, delivered_wh=240.0,
    criteria=(
        Criterion("reached", "passed", "B1 > C1 > C2 > C4 > C6", "C6"),
        Criterion("times", "passed", "in time", "C1 15 s, C2 40 s, C4 20 s"),
        Criterion("deviation", "passed", "-0.8 %", "2 %"),
        Criterion("insulation", "warning", "168 kohm, 420 ohm/V", "500 ohm/V"),
        Criterion("temperature", "skipped", "no sensor", "40 K, 90 C"),
        Criterion("lock", "passed", "open", "open"),
    ),
    steps=RUNNING.steps, points=POINTS, versions={"software": "1.6.0", "controller": "2.4.1"},
)  # fmt: skip


def _journal() -> JournalPage:
    moment = Moment(boot_id="b", mono_s=10.0)
    rows = tuple(
        JournalRow(
            seq=n, moment=moment,
            entry=Happened(event_type=EventType.TECHNICIAN_ACTION, action="Success" if n % 3 else "Failed",
                           message=f"reboot_controller connector {n % 3 + 1} by {LOGIN}",
                           error="" if n % 3 else "failed: the controller did not come back within 10 s",
                           connector=n % 3 + 1),
        )
        for n in range(1, 25)
    )  # fmt: skip
    return JournalPage(rows=rows, read_to=24, last_seq=24)


def _past() -> IncidentsPage:
    at = datetime(2026, 5, 14, 8, 12, tzinfo=UTC)
    return IncidentsPage(
        incidents=(
            Incident(id=4, type="module_overtemperature", level="warn", device="rack/12", opened_at=at, count=14),
            Incident(id=3, type="smoke", level="bad", device="S1", opened_at=None),
            Incident(id=2, type="link_lost", level="warn", opened_at=at, closed_at=at, is_open=False, count=3),
            Incident(id=1, type="flood", level="bad", device="W1", opened_at=at, closed_at=at, is_open=False),
        )
    )


GOOD = ActionResult(
    ok=True, code="ok", text="3 good readings of 3.", values={"good": "3", "wanted": "3"},
    table=(("number", "kind", "ms"), *((CARD, "MIFARE Classic", ms) for ms in ("38", "41", "37"))),
)  # fmt: skip
USERS = UsersPage(
    users=(
        UserRow(user=User(LOGIN, Role.TECHNIK, ("04112233",)), has_password=True, has_pin=True, must_change=False),
        UserRow(user=User("ivanova", Role.CUSTOMER, (CARD,)), has_password=False, has_pin=False, must_change=False),
    )
)
REPLIES = {
    "controller 1": CONTROLLER,
    "controller 2": replace(CONTROLLER, connector=2),
    "journal": _journal(),
    "past": _past(),
    "packages": PackagesPage(
        packages=(
            Package(
                name="App.Chargepoint.0.2.0.0.cpk",
                status="new",
                kind="application",
                version="0.2.0.0",
                hardware="arm64",
                size_bytes=36_400_000,
                sha256="9f86d081884c7d65" * 4,
            ),
            Package(
                name="App.Chargepoint.0.1.0.0.cpk",
                status="kept",
                kind="application",
                version="0.1.0.0",
                hardware="arm64",
                size_bytes=36_100_000,
                problem="It is older than what runs.",
            ),
        ),
        images=(
            ControllerImage(
                file="5f2a9c0b7d31e846-main.bin", image="main.bin", type="MAIN", version="2.5.0", connectors=(1, 2)
            ),
            ControllerImage(file="c81e728d9d4c2f63-pm.bin", image="pm.bin", type="MODULES", version="1.8"),
        ),
    ),
    "packages on stick": PackagesPage(
        packages=(
            Package(
                name="Controllers.Acme.2.4.0.0.cpk",
                status="usb",
                kind="controllers",
                version="2.4.0.0",
                size_bytes=810_000,
                sha256="60303ae22b998861" * 4,
            ),
        )
    ),
    "reports": TestReports(reports=(REPORT, replace(REPORT, number=11, verdict="passed"))),
    "users": USERS,
    "configuration": ConfigurationPage(
        ok=True,
        path="/etc/chargepoint/station.toml",
        file="x",
        draft="y",
        draft_by=LOGIN,
        difference=(
            "--- station.toml",
            "+++ draft",
            "@@ -3 +3 @@",
            "-power_limit_w = 240000",
            "+power_limit_w = 200000",
        ),
        trial="kept",
    ),
}


FORMS = (
    ("hex, normal", CARD),
    ("hex, reversed", "80E6D5C4B3A204"),
    ("decimal, normal", "1304792892040832"),
    ("facility_card, normal", "213,59008"),
)


DIAGNOSED = DiagnosticsState(
    begun_at=datetime(2026, 7, 1, 9, 30, tzinfo=UTC), ended_at=datetime(2026, 7, 1, 9, 31, tzinfo=UTC), done=47,
    total=47, verdict="failed", by="a.petrov", findings=(
        Finding(check="services", subject="service/station", verdict="passed", code="ok"),
        Finding(check="versions", verdict="passed", code="version", values={"version": "1.2.3", "slot": "a"}),
        Finding(check="ports", subject="port/rs485", verdict="warning", code="port_errors", is_changed=True,
                values={"share": "3.4", "lost": "120", "damaged": "7"}, page="TechnikDiagnostics"),
        Finding(check="self_diagnosis", subject="connector/2", verdict="failed", code="sensor_wrong",
                values={"sensor": "T1", "value": "-242"}, page="ChargeControllerTestPage"),
        Finding(check="contactors", subject="output/K1", verdict="skipped", code="car_connected"),
        Finding(check="modules", subject="modules/bank1", verdict="failed", code="modules_missing",
                values={"numbers": "7, 8"}, page="TechnikModules"),
        Finding(check="time_server", verdict="warning", code="ntp_silent", values={"server": "0.pool.ntp.org"},
                page="TechnikTerminalPage"),
        Finding(check="flash", verdict="not_fitted", code="not_fitted"),
    ),
)  # fmt: skip


UPDATING = UpdateState(
    stage="waiting", kind="application", name="App.Chargepoint.0.2.0.0.cpk", version="0.2.0.0", by="a.petrov",
    text="Connector 1 charges; it waits.", running_version="0.1.0.0", running_slot="factory",
)  # fmt: skip
WRITING = FirmwareState(
    connector=2, image="MAIN", stage="sending", block=37, blocks=412, attempt=2, attempts=3, version_before="2.4.1",
    version="2.5.0", text="Begun anew: the controller was silent during block 120.",
)  # fmt: skip
