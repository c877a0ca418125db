"""What station tests found, in the words of a visitor, with the page that mends it. Pure."""

from __future__ import annotations

from chargepoint.finding_words import filled, texts
from chargepoint.messages import DiagnosticsState, Finding
from webconfig.words import Words

BAD = ("failed", "warning")
WAYS = {
    "services": "/service", "station": "/", "versions": "/firmware", "update": "/firmware", "support": "/firmware",
    "configuration": "/config", "ports": "/devices", "devices": "/devices", "controllers_answer": "/devices",
    "controllers": "/connectors", "controller_versions": "/firmware", "self_diagnosis": "/connectors",
    "outputs_dead": "/connectors", "locks": "/connectors", "contactors": "/devices", "modules_answer": "/modules",
    "modules": "/modules", "insulation_answers": "/devices", "insulation": "/devices", "insulation_test": "/devices",
    "meters_answer": "/meters",
    "meters": "/meters", "io": "/devices", "inputs": "/devices", "sensors": "/devices", "climate": "/climate",
    "lights": "/devices", "supplies": "/devices", "readers": "/service", "screen": "/service", "web": "/service",
    "network": "/network", "modem": "/network", "names": "/network", "link": "/ocpp", "queue": "/ocpp",
    "clock": "/time", "time_server": "/time", "battery_clock": "/time", "room": "/service", "writing": "/service",
    "flash": "/service", "records": "/oplog", "logs": "/journal", "memory": "/service", "heat": "/service",
    "voltage": "/service", "certificates": "/certificates", "web_certificate": "/certificates",
}  # fmt: skip
"""The page for what each test finds."""


def name_of(language: str, check: str) -> str:
    return texts(language).get(f"diag_check.{check}", check)


def verdict_of(language: str, verdict: str) -> str:
    return texts(language).get(f"diag_verdict.{verdict}", verdict)


def text_of(words: Words, finding: Finding) -> str:
    values = finding.values
    if "cause" in values:
        cause = values["cause"]  # of a controller, or the function of an input
        values = {**values, "cause": words.one_of("cause" if words.has(f"cause.{cause}") else "input", cause)}
    return filled(words.language, f"diag.{finding.code}", values)


def remedy_of(words: Words, finding: Finding) -> str:
    """Empty where nothing has to be done."""
    return filled(words.language, f"diag.{finding.code}_do", finding.values) if finding.verdict in BAD else ""


def trouble(state: DiagnosticsState) -> list[Finding]:
    """What is to be looked at, the gravest first."""
    return sorted((each for each in state.findings if each.verdict in BAD), key=lambda each: each.verdict != "failed")
