"""What `--help` of a command says, in the order of a manual page."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Mapping
from typing import Any

WIDTH = 100
_INDENT = "    "


class ManualParser(argparse.ArgumentParser):
    """A parser whose help reads NAME, SYNOPSIS, DESCRIPTION, OPTIONS, then what `page` added."""

    def __init__(self, prog: str, summary: str, **more: Any) -> None:
        super().__init__(prog=prog, allow_abbrev=False, **more)
        self.summary = summary

    def format_help(self) -> str:
        formatter = argparse.RawDescriptionHelpFormatter(self.prog, max_help_position=28, width=WIDTH)
        formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups, prefix="")
        synopsis = formatter.format_help().strip()
        parts = [
            ("NAME", f"{self.prog} - {self.summary}"),
            ("SYNOPSIS", synopsis),
            ("DESCRIPTION", _paragraphs(self.description or "")),
        ]
        for group in self._action_groups:
            formatter = argparse.RawDescriptionHelpFormatter(self.prog, max_help_position=28, width=WIDTH)
            formatter.add_arguments(group._group_actions)
            title = {"positional arguments": "ARGUMENTS"}.get(group.title or "", (group.title or "options").upper())
            parts.append((title, textwrap.dedent(formatter.format_help()).strip("\n")))
        text = "\n\n".join(f"{title}\n{textwrap.indent(body, _INDENT)}" for title, body in parts if body)
        return f"{text}\n\n{self.epilog}\n" if self.epilog else f"{text}\n"


def page(
    parser: argparse.ArgumentParser,
    description: str,
    *,
    exit_status: Mapping[int | str, str],
    files: Mapping[str, str] | None = None,
    examples: Mapping[str, str] | None = None,
) -> None:
    """Give a command its DESCRIPTION (paragraphs with empty lines between) and the sections after its options.

    `examples`: command line -> what it does.
    """
    parser.description = _paragraphs(description)
    parts = ["EXIT STATUS\n" + _table({str(code): words for code, words in exit_status.items()})]
    if files:
        parts.append("FILES\n" + _table(files, below=True))
    if examples:
        parts.append("EXAMPLES\n" + _table(examples, below=True))
    parser.epilog = "\n\n".join(parts)


def _table(rows: Mapping[str, str], below: bool = False) -> str:
    """Rows of two columns; `below` puts the second column on a line of its own."""
    wide = 0 if below else max(len(left) for left in rows) + 2
    lines: list[str] = []
    for left, right in rows.items():
        first = f"{_INDENT}{left}\n{_INDENT * 2}" if below else f"{_INDENT}{left:<{wide}}"
        more = _INDENT * 2 if below else " " * (len(_INDENT) + wide)
        words = textwrap.wrap(right, WIDTH - len(more))
        lines.append(first + f"\n{more}".join(words))
    return "\n".join(lines)


def _paragraphs(text: str) -> str:
    paragraphs = textwrap.dedent(text).strip().split("\n\n")
    return "\n\n".join(textwrap.fill(" ".join(paragraph.split()), WIDTH - len(_INDENT)) for paragraph in paragraphs)
