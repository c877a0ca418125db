"""What is served when no station file can be: the settings of a station that has nothing but its web pages.

Of a file with faults only `[web]`, the languages of the screen and the station's name are taken, each where it is good
by itself; defaults stand for the rest. What is meant here switches nothing: no service that touches energy is started.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from chargepoint import config_file
from chargepoint.config import ScreenSettings, Settings, StationSettings
from chargepoint.config_faults import ConfigError
from chargepoint.config_text import loads
from chargepoint.config_web import WebSettings

UNNAMED = "station"
_HEAD = re.compile(r"^[ \t]*\[([^\[\]\n]+)\][ \t]*(?:#.*)?$", re.MULTILINE)
_ANY_HEAD = re.compile(r"^[ \t]*\[", re.MULTILINE)


def rescued(config: Path) -> Settings:
    """As much of the station file as can be used to serve the pages that repair it. Raises nothing."""
    document = _sections(config)
    web = _good(document.get("web"), WebSettings) or WebSettings()
    languages = document.get("screen", {}).get("languages")
    screen = _good({"languages": languages}, ScreenSettings) or ScreenSettings()
    name = document.get("station", {}).get("name")
    station = _good({"name": name, "power_limit_w": 1.0}, StationSettings)
    return Settings(
        station=station or StationSettings(name=UNNAMED, power_limit_w=1.0),
        port=(),
        connector=(),
        web=web,
        screen=screen,
    )


def _good(values: Any, kind: type[Any]) -> Any:
    """The section, None where anything in it is not as it has to be: half a rule of who may come in is none."""
    if not isinstance(values, Mapping):
        return None
    try:
        return msgspec.convert(values, kind)
    except (msgspec.ValidationError, ValueError, TypeError):
        return None


def _sections(config: Path) -> dict[str, Mapping[str, Any]]:
    """Tables of the file by their names; of a file that is no TOML those that are, each by itself."""
    try:
        text = config_file.read(config).decode("utf-8", "replace")
    except ConfigError:
        return {}
    try:
        document = loads(text)
    except (ValueError, RecursionError):
        document = _each(text)
    return {name: table for name, table in document.items() if isinstance(table, Mapping)}


def _each(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for head in _HEAD.finditer(text):
        if head[1].strip() not in ("web", "screen", "station"):
            continue
        after = _ANY_HEAD.search(text, head.end())
        try:
            found[head[1].strip()] = loads(text[head.end() : after.start() if after else len(text)])
        except (ValueError, RecursionError):
            continue
    return found
