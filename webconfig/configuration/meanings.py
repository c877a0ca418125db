"""What sections and keys of the station file mean, in the language of who looks (texts/config_keys.toml)."""

from __future__ import annotations

import htpy as h

from webconfig.ask import Ask
from webconfig.configuration.keys import Key, SectionRows
from webconfig.words import Words


def section_title(words: Words, section: SectionRows) -> str:
    """Its name for people; that of the file where there is none."""
    key = f"config_section.{_flat(section.name)}"
    return words(key) if words.has(key) else section.label


def section_meaning(words: Words, section: SectionRows) -> str:
    """Empty: there is only the English of the code."""
    return _found(words, f"config_section.{_flat(section.name)}_about")


def key_meaning(words: Words, section: str, key: Key) -> str:
    """Empty: there is only the English of the code. Keys that mean the same everywhere share a text."""
    return _found(words, f"config_key.{_flat(f'{section}.{key.name}')}", f"config_any.{key.name}")


def about_section(ask: Ask, section: SectionRows) -> h.Node:
    """A paragraph; in English where there is no translation."""
    told = section_meaning(ask.words, section)
    return h.p[told] if told else h.p(lang="en")[section.about]


def about_key(ask: Ask, section: str, key: Key) -> h.Node:
    told = key_meaning(ask.words, section, key)
    return told or h.span(lang="en")[key.about]


def _found(words: Words, *keys: str) -> str:
    if words.language == "en":
        return ""  # the code says it itself, and newer
    return next((words(key) for key in keys if words.has(key)), "")


def _flat(name: str) -> str:
    return name.replace(".", "_")
