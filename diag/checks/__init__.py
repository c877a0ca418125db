"""The station tests: one small function each, over a `Look`. Nothing is energised, no contactor moves. What lets a
device do something (`is_test`) runs only when a person has asked for it, and last."""

from __future__ import annotations

from diag.checks import cabinet, devices, machine, metering, network, power, software
from diag.checks.look import Check

TERMINAL, COMPUTER, CONNECTORS = "TechnikTerminalPage", "TechnikPcManagementPage", "ChargeControllerTestPage"
MODULES, READERS, CONFIG, JOURNAL = "TechnikModules", "RfidReaderTestPage", "TechnikConfig", "TechnikJournal"
HERE = "TechnikDiagnostics"

CHECKS: tuple[Check, ...] = (
    Check(name="services", run=software.services, kinds=("service",), page=TERMINAL),
    Check(name="station", run=software.station, page=HERE),
    Check(name="versions", run=software.versions, page=TERMINAL),
    Check(name="update", run=software.update, page=TERMINAL),
    Check(name="support", run=software.promised, page=TERMINAL),
    Check(name="configuration", run=software.configuration, limit_s=6.0, page=CONFIG),
    Check(name="ports", run=devices.ports, kinds=("port",), page=HERE),
    Check(name="devices", run=devices.as_planned, page=HERE),
    Check(name="controllers_answer", run=devices.answering("connector"), kinds=("connector",), page=CONNECTORS),
    Check(name="controllers", run=power.controllers, kinds=("connector",), page=CONNECTORS),
    Check(name="controller_versions", run=devices.controller_versions, page=CONNECTORS),
    Check(name="self_diagnosis", run=power.self_diagnosis, kinds=("connector",), limit_s=12.0, page=CONNECTORS),
    Check(name="outputs_dead", run=power.outputs_dead, kinds=("connector",), page=CONNECTORS, needs_idle=True),
    Check(name="locks", run=power.locks, kinds=("connector",), page=CONNECTORS, needs_idle=True),
    Check(name="contactors", run=power.contactors, kinds=("output",), page=CONNECTORS, needs_idle=True),
    Check(name="modules_answer", run=devices.answering("modules"), kinds=("modules",), page=MODULES),
    Check(name="modules", run=power.modules, kinds=("modules",), page=MODULES),
    Check(name="insulation_answers", run=devices.answering("insulation"), kinds=("insulation",), page=HERE),
    Check(name="insulation", run=power.insulation, kinds=("insulation",), page=HERE),
    Check(name="meters_answer", run=devices.answering("meter"), kinds=("meter",), page=HERE),
    Check(name="meters", run=metering.meters, kinds=("meter",), page=HERE),
    Check(name="io", run=devices.answering("io"), kinds=("io",), page=HERE),
    Check(name="inputs", run=cabinet.inputs, kinds=("input",), page=HERE),
    Check(name="sensors", run=devices.answering("sensor"), kinds=("sensor",), page=HERE),
    Check(name="climate", run=cabinet.climate, kinds=("sensor",), page=TERMINAL),
    Check(name="lights", run=devices.answering("light"), kinds=("light",), page=HERE),
    Check(name="supplies", run=cabinet.supplies, kinds=("ups",), page=HERE),
    Check(name="readers", run=devices.readers, kinds=("reader",), page=READERS),
    Check(name="screen", run=software.screen, kinds=("screen",), page=COMPUTER),
    Check(name="web", run=software.web, kinds=("web",), page=TERMINAL),
    Check(name="network", run=network.interfaces, kinds=("network",), limit_s=10.0, page=TERMINAL),
    Check(name="modem", run=network.modem, kinds=("modem",), limit_s=10.0, page=TERMINAL),
    Check(name="names", run=network.names, limit_s=6.0, page=TERMINAL),
    Check(name="link", run=software.link, kinds=("link",), page=TERMINAL),
    Check(name="queue", run=software.queue, kinds=("link",), page=TERMINAL),
    Check(name="clock", run=network.clock, page=TERMINAL),
    Check(name="time_server", run=network.time_server, limit_s=5.0, page=TERMINAL),
    Check(name="battery_clock", run=network.battery_clock, limit_s=5.0, page=COMPUTER),
    Check(name="room", run=machine.room, page=COMPUTER),
    Check(name="writing", run=machine.writing, limit_s=8.0, page=COMPUTER),
    Check(name="flash", run=machine.flash, kinds=("disk",), page=COMPUTER),
    Check(name="records", run=machine.journal, limit_s=5.0, page=JOURNAL),
    Check(name="logs", run=software.logs, page=COMPUTER),
    Check(name="memory", run=machine.memory, page=COMPUTER),
    Check(name="heat", run=machine.heat, page=COMPUTER),
    Check(name="voltage", run=machine.voltage, page=COMPUTER),
    Check(name="certificates", run=machine.certificates, kinds=("certificate",), limit_s=9.0, page=TERMINAL),
    Check(name="web_certificate", run=machine.web_certificate, kinds=("web",), page=TERMINAL),
    Check(name="insulation_test", run=power.insulation_test, kinds=("insulation",), limit_s=45.0, page=HERE,
          is_test=True),
)  # fmt: skip
"""In the order in which they run."""

WHOLE_S = 85.0
"""What has not run by then is left out: the whole station is tested within 90 s."""
