"""A helper, readers, devices and test reports for pages about the computer, as stand-ins answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chargepoint.messages import (
    ActionResult,
    ChangeNetwork,
    ConnectorState,
    DeviceState,
    KeepNetwork,
    Modem,
    NetworkDevice,
    NetworkPage,
    NetworkTrial,
    PrivilegedDeed,
    ReaderState,
    ReadNetwork,
    ReadTestReports,
    ReadTime,
    State,
    TestReport,
    TestReports,
    TimePage,
    Tunnel,
    UndoNetwork,
    WirelessNetwork,
)
from chargepoint.messages.staff import Criterion
from chargepoint.vocabulary import ConnectorFlag, ConnectorStatus, ConnectorType
from drivers.interfaces import Identity

ETHERNET = NetworkDevice(
    name="eth0", kind="ethernet", state="connected", hardware_address="02:00:00:00:00:01", mtu=1500, speed_mbps=1000,
    has_carrier=True, is_default=True, addresses=("192.0.2.10/24",), gateways=("192.0.2.1",), dns=("192.0.2.53",),
    profile="wired", method="manual", fixed="192.0.2.10/24", fixed_gateway="192.0.2.1", fixed_dns=("192.0.2.53",),
)  # fmt: skip
WIFI = NetworkDevice(
    name="wlan0", kind="wifi", state="connected", addresses=("198.51.100.20/24",), gateways=("198.51.100.1",),
    dns=("198.51.100.1",), profile="Depot", method="auto", ssid="Depot <b>2</b>", strength_pct=64,
)  # fmt: skip
MOBILE = NetworkDevice(name="cdc-wdm0", kind="modem", state="connected", method="auto", apn="internet.example")
MODEM = Modem(
    name="Maker LE-1", state="connected", signal_pct=61, operator="Operator", technology="LTE", registration="home",
    apn="internet.example", sim="••••1234", sim_slot=1, sim_slots=2,
)  # fmt: skip
NETWORK = NetworkPage(
    version="1.42.4", hostname="station-17", devices=(ETHERNET, MOBILE, WIFI),
    wireless=(WirelessNetwork(ssid="Depot <b>2</b>", strength_pct=64, frequency_mhz=5180, security="wpa",
                              device="wlan0"),),
    modems=(MODEM,), tunnels=(Tunnel(name="office", kind="wireguard", state="connected", addresses=("10.8.0.7/24",)),),
    is_really=True,
)  # fmt: skip
TIME = TimePage(
    zone="Asia/Almaty", is_ntp_on=True, is_synchronised=True, rtc=datetime(2026, 3, 1, 12, tzinfo=UTC),
    system=datetime(2026, 3, 1, 12, tzinfo=UTC), servers=("ntp.example",), server="ntp.example",
    server_address="192.0.2.3", offset_s=0.0123, jitter_s=0.002, stratum=2, is_really=True,
)  # fmt: skip
REPORT = TestReport(
    number=7, connector=1, mode="ev", login="tim", verdict="passed", at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    duration_s=180.0, session_id=12, stop_source="TECHNICIAN", power_w=5000.0, energy_wh=250, delivered_wh=251.0,
    criteria=(Criterion(key="energy", outcome="passed", found="0.4 %", wanted="<b>2 %</b>"),), steps=(), points=(),
    versions={"software": "1.0"},
)  # fmt: skip
READER = ReaderState(name="door", is_answering=True, cards=0)
STATES: dict[str, State] = {
    "connector/1": ConnectorState(
        number=1, type=ConnectorType.CCS2, status=ConnectorStatus.AVAILABLE, flags=ConnectorFlag(0), operative=True
    ),
    "device/connector/one": DeviceState(
        kind="connector", name="one", driver="native", port="can0", address=1, is_answering=True,
        identity=Identity(vendor="Maker", model="CC-1", serial="S1", firmware_version="3.14"),
    ),
}  # fmt: skip


class Helper:
    """Keeps what it was asked for; `network` and `time` are what it answers."""

    def __init__(self) -> None:
        self.network = NETWORK
        self.time = TIME
        self.asked: list[Any] = []
        self.result = ActionResult(ok=True, code="ok")

    def answers(self) -> dict[type[Any], Any]:
        return {
            ReadNetwork: lambda _request: self.network,
            ReadTime: lambda _request: self.time,
            ChangeNetwork: self._asked,
            KeepNetwork: self._asked,
            UndoNetwork: self._asked,
            PrivilegedDeed: self._asked,
        }

    def _asked(self, request: Any) -> ActionResult:
        self.asked.append(request)
        return self.result

    def wait(self, left_s: float = 90.0) -> None:
        """A change is pending from now on."""
        trial = NetworkTrial(
            device="eth0", by="anna (web)", outcome="pending", words="manual 192.0.2.77/24", address="192.0.2.77",
            left_s=left_s,
        )  # fmt: skip
        self.network = NetworkPage(
            **{name: getattr(NETWORK, name) for name in NetworkPage.__struct_fields__ if name != "trial"}, trial=trial
        )


def read_reports(request: ReadTestReports) -> TestReports:
    return TestReports(reports=(REPORT,) if request.number in (None, REPORT.number) else ())
