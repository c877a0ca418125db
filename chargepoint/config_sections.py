"""The sections of a raw station file, for rules that look at several of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import inspect

from chargepoint import config_schema
from chargepoint.config_faults import Fault, shown_of


class Section(msgspec.Struct, frozen=True):
    """One section as it stands in the file; `settings` is its struct, or None when it has a fault of its own."""

    where: str
    raw: Mapping[str, Any]
    settings: Any

    def text(self, key: str) -> str:
        """The text of a key, also of a section with faults; "" when there is none."""
        value = self.raw.get(key, getattr(self.settings, key, ""))
        return value if isinstance(value, str) else ""

    def number(self, key: str) -> int | None:
        """The whole number of a key, also of a section with faults."""
        value = self.raw.get(key, getattr(self.settings, key, None))
        return value if isinstance(value, int) and not isinstance(value, bool) else None


class Document:
    """The sections by name; whatever has the wrong shape is left out (the schema told it)."""

    def __init__(self, raw: Mapping[str, Any], settings: type[msgspec.Struct], file: str) -> None:
        self.file = file
        self.raw = raw
        self._types: dict[str, inspect.StructType] = {}
        self._many: dict[str, list[Section]] = {}
        for field in config_schema.struct_info(settings).fields:
            kind = config_schema.plain(field.type)
            if isinstance(kind, inspect.VarTupleType):
                kind = config_schema.plain(kind.item_type)
            if isinstance(kind, inspect.StructType):
                self._types[field.encode_name] = kind

    def many(self, name: str) -> list[Section]:
        """All [[name]], in the order of the file."""
        if name not in self._many:
            value = self.raw.get(name, [])
            items = value if isinstance(value, list) else []
            self._many[name] = [
                self._section(config_schema.section_label(name, raw, position), raw, self._types[name])
                for position, raw in enumerate(items, start=1)
                if isinstance(raw, dict)
            ]
        return self._many[name]

    def is_list(self, name: str) -> bool:
        """Whether [[name]] can be relied on: it is absent, or a list of sections."""
        value = self.raw.get(name, [])
        return isinstance(value, list) and all(isinstance(item, dict) for item in value)

    def order(self) -> dict[str, int]:
        """The place of each section in the file, by how a person finds it."""
        found: dict[str, int] = {}
        for name, value in self.raw.items():
            items = value if isinstance(value, list) else [None]
            labels = [config_schema.section_label(name, item, place) for place, item in enumerate(items, start=1)]
            for label in (f"[{name}]", *labels, f"[[{name}]]"):
                found.setdefault(label, len(found))
        return found

    def one(self, name: str) -> Section:
        """[name]; empty when it is not there."""
        value = self.raw.get(name, {})
        return self._section(f"[{name}]", value if isinstance(value, dict) else {}, self._types[name])

    def _section(self, where: str, raw: Mapping[str, Any], kind: inspect.StructType) -> Section:
        settings = None
        if not any(config_schema.table_faults(raw, kind, where, self.file)):
            settings = msgspec.convert(raw, kind.cls)
        return Section(where, raw, settings)

    def fault(self, section: Section, key: str, reason: str, remedy: str) -> Fault:
        """A fault at a key of a section; a default that was not written is shown with what it is."""
        value = section.raw.get(key, getattr(section.settings, key, None))
        found = shown_of(key, value) if value is not None else ""
        return Fault(f"{section.where}, {key}", found, reason, remedy, self.file)
