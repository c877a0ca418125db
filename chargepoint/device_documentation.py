"""docs/devices.md, written from the drivers themselves: what can be connected, how, and how far to trust it.

`python -m chargepoint.device_documentation` writes it anew; a test compares it with the drivers.
"""

from __future__ import annotations

import inspect as python_inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from chargepoint.config_documentation import rows_of
from chargepoint.config_drivers import PLACE
from chargepoint.config_schema import struct_info
from chargepoint.station.cabinet import safety
from drivers import loading
from drivers.about import About
from drivers.interfaces import FailSafe

FILE = Path(__file__).parents[1] / "docs" / "devices.md"

HEAD = """\
# Devices

This page is written by `python -m chargepoint.device_documentation` from the drivers in `drivers/`; a test compares
the two. A driver's name is the name of its file and of `driver = "..."` in station.toml;
[configuration.md](configuration.md) has the other keys. Packages of others add drivers by the entry point group
`chargepoint.drivers`.

- **Ports**: the kinds of `[[port]]` the driver works on. **As delivered**: line settings and addresses from the
  factory.
- **Without us**: what the device does by itself when this software falls silent. *opens*: it switches off. *safe
  current*: it falls to a current of its own. *none*: it goes on. A connector controller of these two kinds needs
  `contactor = "..."`, an `[[output]]` on an I/O module that opens by itself (or `accept_no_fail_safe = true`, the lower
  class).
- **Facts**: 2 means that two or more independent public sources, or the maker's own document, agree on the protocol;
  1 means one source; 0 that parts are inferred. Every driver is tested against a simulated device that speaks the real
  protocol on the real kind of wire, and by published byte sequences where there are any. *device*: also on the device.
- **Options** stand in the device's section: `options = { model = "..." }`.

`chargepoint discover` looks for those that can be recognised by a question that does no harm (column **Found**).
"""

INPUTS = """\
## Functions of inputs: `[[input]]`

What is usual may be set otherwise in the section (`normally_closed`, `debounce_s`, `connectors`). While an input ends
charges, none begins. A technician clears with `chargepoint do clear_input name=NAME`. The emergency button has to break
the supply of the contactors by its own wire as well: this software only adds reasons to switch off.

"""

TITLES = {
    "connector": "Connector controllers",
    "meter": "Energy meters",
    "modules": "DC power modules",
    "insulation": "Insulation monitors",
    "io": "Digital inputs and outputs",
    "sensor": "Climate sensors",
    "light": "Light strips",
    "ups": "Uninterruptible supplies",
    "reader": "Card readers",
}
WITHOUT_US = {FailSafe.OPENS: "opens", FailSafe.SAFE_CURRENT: "safe current", FailSafe.NONE: "none"}
SWITCHING = frozenset({"connector", "modules", "io"})
"""Sections whose devices switch something: what they do without us matters."""


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for section, title in TITLES.items():
        kind = loading.KIND_OF_SECTION[section]
        drivers = [(name, loading.load(kind, name)) for name in loading.known(kind)]
        drivers = [(name, module) for name, module in drivers if module.__name__.startswith("drivers.")]
        if drivers:
            parts.append("\n".join(_kind(section, title, drivers)))
    parts.append(INPUTS + safety.markdown())
    return "\n".join(parts)


def _kind(section: str, title: str, drivers: list[tuple[str, ModuleType]]) -> Iterator[str]:
    yield f"## {title}: `[[{section}]]`"
    yield ""
    heads = ["Driver", "Device", "Ports", "As delivered", "Abilities", "Facts", "Found"]
    if section in SWITCHING:
        heads.insert(5, "Without us")
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    for name, module in drivers:
        about = module.ABOUT
        cells = [
            f"[`{name}`](#{name.replace(' ', '-')})",
            f"{about.vendor}: {', '.join(about.models)}",
            ", ".join(about.ports) or "-",
            _as_delivered(about),
            ", ".join(about.abilities),
            f"{about.confidence}" + (", device" if about.tested.name == "DEVICE" else ""),
            "yes" if hasattr(module, "recognise") else "-",
        ]
        if section in SWITCHING:
            cells.insert(5, WITHOUT_US[about.fail_safe])
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""
    for name, module in drivers:
        yield from _driver(name, module)


def _as_delivered(about: About) -> str:
    words = [" or ".join(str(line) for line in about.lines)]
    words.append(" or ".join(f"{rate // 1000} kbit/s" for rate in about.bit_rates))
    if about.addresses:
        words.append("address " + " or ".join(str(address) for address in about.addresses[:3]))
    return ", ".join(filter(None, words)) or "-"


def _driver(name: str, module: ModuleType) -> Iterator[str]:
    about = module.ABOUT
    yield f"### {name}"
    yield ""
    yield f"{_first_sentence(module)} Source: {about.source.rstrip('.')}."
    yield ""
    for quirk in about.quirks:
        yield f"- {quirk.rstrip('.')}."
    if about.quirks:
        yield ""
    fields = [field for field in struct_info(module.Settings).fields if field.encode_name not in PLACE]
    if fields:
        yield "| option | type | default | bounds | meaning |"
        yield "|---|---|---|---|---|"
        yield from rows_of(fields)
        yield ""


def _first_sentence(module: ModuleType) -> str:
    text = " ".join((python_inspect.getdoc(module) or "").split("\n\n")[0].split())
    return text if text.endswith(".") else f"{text}."


def main() -> int:
    """Write the file."""
    FILE.write_text(page(), encoding="utf-8")
    print(FILE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
