"""Ports and devices of a station as tables (`chargepoint status --devices`). Pure, as `view.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from chargepoint.commands.view_cabinet import natural
from chargepoint.journal_text import clean
from chargepoint.messages import DeviceState, InstalledState, PortState, ReaderState, State
from drivers.interfaces import Identity

S = TypeVar("S", bound=State)

ORDER = ("connector", "meter", "modules", "insulation", "io", "sensor", "light", "ups")
"""Kinds of devices in the order of the table."""
SWITCHING = frozenset({"connector", "modules", "io"})
"""Kinds of which it matters what they do without us."""


def whole(states: Mapping[str, State], frames_of: str = "") -> RenderableType:
    """Both tables, what differs from what is configured, and on request the last frames of a port."""
    parts: list[RenderableType] = [ports(states), Text(), devices(states), *_differences(states)]
    if frames_of:
        parts += [Text(), *_frames(states, frames_of)]
    return Group(*parts)


def ports(states: Mapping[str, State]) -> Table:
    """Each port: whether it is open, what was asked on it and how that went."""
    table = _table("Port", "Kind", "State", "Requests", "Answers", "Errors", "p50", "p99")
    for state in sorted(_all(states, PortState), key=lambda port: port.name):
        table.add_row(
            state.name,
            state.kind,
            _state_of_port(state),
            str(state.requests),
            _share(state.answers, state.requests),
            _errors(state.errors),
            _ms(state.p50_ms),
            _ms(state.p99_ms),
        )
    return table


def devices(states: Mapping[str, State]) -> Table:
    """Each configured device: who it is, whether it answers, how well."""
    table = _table("Device", "Driver", "Where", "State", "Identity", "Without us", "Answers", "Errors", "p50", "p99")
    found = sorted(_all(states, DeviceState), key=lambda each: (_rank(each.kind), natural(each.name)))
    for state in found:
        table.add_row(
            f"{state.kind} {state.name}",
            state.driver,
            f"{state.port}, {state.address}" if state.port else "-",
            _state_of_device(state),
            _identity(state),
            state.fail_safe.value.replace("_", " ") if state.kind in SWITCHING else "-",
            _share(state.answers, state.requests),
            _errors(state.errors),
            _ms(state.p50_ms),
            _ms(state.p99_ms),
        )
    for reader in sorted(_all(states, ReaderState), key=lambda each: natural(each.name)):
        table.add_row(
            f"reader {reader.name}",
            reader.driver,
            clean(reader.place) or "-",
            _state_of_reader(reader),
            _named(reader.identity),
            "-",
            _share(reader.polls - reader.errors, reader.polls),
            _errors({kind: number for kind, number in _odd_cards(reader) if number}),
            "-",
            "-",
        )
    return table


def _odd_cards(reader: ReaderState) -> tuple[tuple[str, int], ...]:
    return ("failed", reader.errors), ("no card", reader.refused), ("too fast", reader.held_back)


def _differences(states: Mapping[str, State]) -> Iterator[RenderableType]:
    installed = next(iter(_all(states, InstalledState)), None)
    if installed is None:
        return
    yield Text()
    if installed.differences:
        yield Text("Not as configured:", style="bold yellow")
        for difference in installed.differences:
            yield Text(f"  {clean(difference)}", style="yellow")
    elif installed.is_complete:
        yield Text("All devices are those that are configured.", style="green")
    else:
        yield Text("Some devices have not said yet who they are.", style="bright_black")


def _frames(states: Mapping[str, State], name: str) -> Iterator[RenderableType]:
    port = next((port for port in _all(states, PortState) if port.name == name), None)
    if port is None:
        yield Text(f"there is no port {name!r}", style="red")
        return
    yield Text(f"Last frames of port {name} (> sent, < received):")
    for frame in port.frames:
        yield Text(f"  {clean(frame)}")


def _state_of_port(state: PortState) -> Text:
    if not state.is_open:
        return Text(clean(state.error) or "closed", style="bold red")
    busy = "" if state.load_pct is None else f", {state.load_pct:.0f} % busy"
    return Text(f"open{busy}", style="green")


def _state_of_device(state: DeviceState) -> Text:
    if state.note:
        return Text(clean(state.note), style="yellow")
    if state.is_answering:
        return Text("answers", style="green")
    return Text(clean(state.last_error) or "silent", style="bold red")


def _state_of_reader(reader: ReaderState) -> Text:
    if not reader.is_answering:
        return Text(clean(reader.error) or "silent", style="bold red")
    cards = f"{reader.cards} card" + ("" if reader.cards == 1 else "s")
    if reader.is_tested:
        return Text(f"is tested, {cards}", style="yellow")
    return Text(f"answers, {cards}", style="green")


def _identity(state: DeviceState) -> str:
    return _named(state.identity, state.expected_serial)


def _named(identity: Identity, expected_serial: str = "") -> str:
    words = [identity.vendor, identity.model, f"s/n {identity.serial}" if identity.serial else ""]
    words.append(f"(was {expected_serial})" if expected_serial else "")
    words.append(f"fw {identity.firmware_version}" if identity.firmware_version else "")
    return clean(" ".join(filter(None, words))) or "-"


def _share(answers: int, requests: int) -> str:
    return f"{100 * answers / requests:.1f} %" if requests else "-"


def _errors(errors: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in sorted(errors.items(), key=lambda pair: -pair[1])) or "-"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"


def _rank(kind: str) -> int:
    return ORDER.index(kind) if kind in ORDER else len(ORDER)


def _all(states: Mapping[str, State], type_: type[S]) -> list[S]:
    return [state for state in states.values() if isinstance(state, type_)]


def _table(*heads: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in heads:
        table.add_column(head, justify="right" if head in ("Requests", "Answers", "p50", "p99") else "left")
    return table
