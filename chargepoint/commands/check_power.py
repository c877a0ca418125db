"""What `chargepoint check` finds odd about modules and their contactors: it can be used, and is probably not meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from chargepoint.config import Settings


def warnings(settings: Settings) -> list[str]:
    """Where, what, and what to do."""
    return [*_losses(settings), *_twins(settings), *_ends(settings)]


def _losses(settings: Settings) -> Iterator[str]:
    """A station meter measures what modules lose; without one it has to be reckoned."""
    if settings.station.meter:
        return
    for bank in settings.modules:
        if not bank.efficiency:
            yield (
                f'[[modules]] "{bank.name}", efficiency: not set, and the station has no meter. What the modules lose '
                "is not counted: the feed may carry some percent more than power_limit_w. Set it from their data sheet."
            )


def _twins(settings: Settings) -> Iterator[str]:
    """Two contactors between the same buses are mostly one that was copied."""
    first: dict[frozenset[str], str] = {}
    for switch in settings.switch:
        other = first.setdefault(frozenset(switch.between), switch.name)
        if other != switch.name:
            yield (
                f'[[switch]] "{switch.name}", between: it joins the same buses as "{other}". Correct one of them, if '
                "they are not meant to work in parallel."
            )


def _ends(settings: Settings) -> Iterator[str]:
    """A place of a ring that nobody may pass is mostly one that was forgotten."""
    nodes = set(settings.power.nodes)
    contactors = Counter(bus for switch in settings.switch for bus in switch.between)
    places = {group.bus for group in settings.group} & {connector.bus for connector in settings.connector}
    if not nodes & places:
        return
    for bus in sorted(bus for bus in places - nodes if contactors[bus] > 1):
        yield (
            f'[power], nodes: "{bus}" is not among them, so no power passes through it to others. Add it if it is a '
            "place of the ring like the others."
        )
