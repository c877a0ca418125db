"""The sessions shown in docs/power.md: what goes in stands in examples/power, what comes out is written here.

.venv/bin/python -m tests.power_sessions     # writes the sessions of docs/power.md anew
"""

from __future__ import annotations

import inspect
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chargepoint.commands.power import Lines, answer_lines
from chargepoint.power.lines.sharing import SharingLines
from chargepoint.power.lines.switching import SwitchingLines
from chargepoint.power.switching import SwitchingSettings

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "power.md"
EXAMPLES = ROOT / "examples" / "power"
KINDS: dict[str, type[Lines]] = {"first": SharingLines, "serve": SharingLines, "switch": SwitchingLines}
WIDE = 112


def exchange(kind: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each line of the example, and its answer."""
    source = (EXAMPLES / f"{kind}.jsonl").read_bytes()
    sink = io.BytesIO()
    answer_lines(KINDS[kind](), io.BytesIO(source), sink)
    asked = [json.loads(line) for line in source.splitlines() if line.strip()]
    answers = [json.loads(line) for line in sink.getvalue().splitlines()]
    return zip(asked, answers, strict=True)


def shown(kind: str) -> str:
    """The session as the page has it. Ticks at which nothing new happens are only counted, later ones kept short."""
    parts: list[str] = []
    before: object = None
    alike = 0
    for place, (asked, answer) in enumerate(exchange(kind)):
        news: object = place
        if "moves" in answer and kind == "switch":
            steps = [(each["move"], each["step"]) for each in answer["moves"]]
            news = (answer["contactors"], steps, answer["done"])
        if kind == "first":
            answer = _short(answer)
        if news == before:
            alike += 1
            continue
        if alike:
            parts.append(f"  ... ({alike} more like this)")
        is_short = isinstance(before, tuple)
        before, alike = news, 0
        for mark, data in ((">", asked), ("<", answer)):
            text = json.dumps(data, ensure_ascii=False) if is_short else _spread(data)
            parts.append(f"{mark} " + text.replace("\n", "\n  "))
    return "```\n" + "\n".join(parts) + "\n```\n"


def blocks() -> Iterator[bytes]:
    """The sessions of the page that are there to be copied."""
    for found in re.findall(r"^```jsonl\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL):
        yield found.encode()


def _short(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what a newcomer need not see."""
    return {key: "..." if key in ("memory", "links") else value for key, value in answer.items()}


def settings() -> str:
    """The settings of the switching with their defaults and the meaning that the code gives them."""
    source = inspect.getsource(SwitchingSettings)
    rows = re.findall(r'^    (\w+): \w+ = ([\d.]+)\n(?:    """(.*?)""")?', source, flags=re.MULTILINE | re.DOTALL)
    lines = ["| Field | Default | Meaning |", "|---|---|---|"]
    for name, default, words in rows:
        meaning = re.sub(r"^[ZR]\d+[:,] ", "", " ".join(words.split())) or "see the next"
        lines.append(f"| `{name}` | {float(default):g} | {meaning} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """The whole page with the sessions as they are now."""
    text = PAGE.read_text(encoding="utf-8")
    for kind in KINDS:
        text = re.sub(
            rf"(<!-- session {kind} -->\n).*?(<!-- end -->)",
            lambda found, kind=kind: found[1] + shown(kind) + found[2],  # type: ignore[misc]
            text,
            flags=re.DOTALL,
        )
    return re.sub(
        r"(<!-- settings -->\n).*?(<!-- end -->)", lambda found: found[1] + settings() + found[2], text, flags=re.DOTALL
    )


def _spread(data: Any, ahead: int = 0, name: str = "") -> str:
    """JSON in lines that are not too long."""
    flat = json.dumps(data, ensure_ascii=False)
    if len(flat) + ahead + len(name) <= WIDE or not isinstance(data, dict | list):
        return flat
    space = " " * (ahead + 2)
    if isinstance(data, dict):
        items = [f"{json.dumps(key)}: {_spread(value, ahead + 2, key)}" for key, value in data.items()]
    else:
        items = [_spread(value, ahead + 2) for value in data]
    left, right = "{}" if isinstance(data, dict) else "[]"
    return f"{left}\n{space}" + f",\n{space}".join(items) + f"\n{' ' * ahead}{right}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
