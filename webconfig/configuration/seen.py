"""The station file as its pages see it: the file, the visitor's draft, both parsed, faults by place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from chargepoint.config_difference import Change, compare
from chargepoint.config_schema import section_label
from chargepoint.config_text import loads
from chargepoint.messages import ConfigurationFault, ConfigurationPage, ReadConfiguration
from webconfig.answers import Problem
from webconfig.ask import Ask
from webconfig.configuration.keys import SectionRows, sections

NONE = "none"
"""The version of a draft that is not there."""
_LINE = re.compile(r"line (\d+)")


@dataclass(frozen=True)
class Seen:
    """`text` is the draft, or the file where there is none; `document` its values, None when it is no TOML."""

    page: ConfigurationPage
    text: str
    document: Mapping[str, Any] | None
    file: Mapping[str, Any] | None
    places: Mapping[str, str] = field(default_factory=dict)
    """How a person finds a section -> the path of its form."""

    @property
    def has_draft(self) -> bool:
        return bool(self.page.draft)

    @property
    def draft_version(self) -> str:
        return self.page.draft_version or NONE

    @property
    def is_behind(self) -> bool:
        return self.has_draft and self.page.draft_base != self.page.version

    @property
    def faults(self) -> tuple[ConfigurationFault, ...]:
        return self.page.faults if self.has_draft else self.page.file_faults

    def changes(self) -> tuple[Change, ...]:
        if not self.has_draft or self.document is None:
            return ()
        return compare(self.file or {}, self.document)

    def link_of(self, place: str) -> str:
        """Where a fault can be mended: the field of a form, or the line of the text."""
        section, _, key = place.rpartition(", ")
        key = key.partition("[")[0] if section else ""
        path = self.places.get(section or place)
        if path is not None:
            return f"{path}#f-v.{quote(key)}" if key else path
        line = _LINE.match(place)
        return f"/config/raw#line-{line[1]}" if line else "/config/raw"

    def items(self, section: SectionRows) -> list[Mapping[str, Any]]:
        """The tables of a section: one (perhaps empty) of a single one."""
        at: Any = self.document or {}
        for name in section.name.split("."):
            at = at.get(name, {}) if isinstance(at, dict) else {}
        if section.is_list:
            return [item for item in at if isinstance(item, dict)] if isinstance(at, list) else []
        return [at if isinstance(at, dict) else {}]


async def seen(ask: Ask) -> Seen:
    """As it is now. Raises Problem when the hub does not answer, or there is no station file."""
    page = await ask.call("hub", ReadConfiguration(by=ask.login))
    if not page.ok:
        raise Problem(409, "no_station_file", ask.text("config.no_file"))
    text = page.draft or page.file
    document = parsed(text)
    return Seen(page, text, document, parsed(page.file), _places(document or {}))


def parsed(text: str) -> Mapping[str, Any] | None:
    try:
        return loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _places(document: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, section in sections().items():
        if section.is_list:
            items = document.get(name)
            for number, item in enumerate(items if isinstance(items, list) else (), start=1):
                found[section_label(name, item, number)] = f"/config/section/{name}/{number}"
            found[f"[[{name}]]"] = f"/config/section/{name}"
        else:
            found[f"[{name}]"] = f"/config/section/{name}"
    return found
