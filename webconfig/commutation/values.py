"""What changes in the commutation scheme, as live values (`routes.Values`): the picture and its tables are drawn with
them, and they alone are sent later. Pure.

Keys: `ITEM@class` and `ITEM@aria-label` of a part, `ITEM.i@href` its symbol, `ITEM.f@fill` its ground, `ITEM.b@width`
its bar, `ITEM.WORD` a text; `w.BUS@class` a bus.
"""

from __future__ import annotations

from collections.abc import Iterable

from webconfig.commutation.contradictions import Contradiction, contradictions
from webconfig.commutation.scheme import DEAD_A, Contactor, Group, Module, Output, Scheme, current_a, joined
from webconfig.words import Words

BAR_PX = 60
COLDEST_C, HOTTEST_C = 0.0, 100.0
COLOURS = 12
"""So many outputs have a colour and a dash of their own; the next begins anew."""


def values_of(scheme: Scheme, words: Words) -> dict[str, str]:
    """Everything that changes."""
    odd = contradictions(scheme)
    marked = {item for each in odd for item in each.items}
    reach = joined(scheme)
    powered = {bus for group in scheme.groups if current_a(group) > DEAD_A for bus in _same(reach, group.bus, scheme)}
    place = {each.connector: n for n, each in enumerate(scheme.outputs)}
    found: dict[str, str] = {}
    for bus, numbers in reach.items():
        found[f"w.{bus}@class"] = _wire(numbers, place, bus in powered)
    for group in scheme.groups:
        found.update(_group(group, words, marked))
        for module in group.modules:
            found.update(_module(module, words, marked))
    for contactor in scheme.contactors:
        numbers = reach.get(contactor.one, frozenset()) if contactor.joins else frozenset()
        found.update(_contactor(contactor, _colour(numbers, place), words, marked))
    for output in scheme.outputs:
        found.update(_output(output, words, marked))
    return found


def sentences(odd: Iterable[Contradiction], words: Words) -> list[str]:
    """Contradictions for people."""
    return [words(f"modules.odd_{each.key}", **each.values) for each in odd]


def summary(scheme: Scheme, words: Words) -> str:
    """The picture in a sentence, for who cannot see it."""
    states = [module.state for module in scheme.modules]
    return words(
        "modules.summary",
        all=len(states),
        charging=states.count("green"),
        free=states.count("white"),
        silent=states.count("grey"),
        wrong=states.count("red"),
        closed=sum(each.joins for each in scheme.contactors),
        contactors=len(scheme.contactors),
        outputs=len(scheme.outputs),
    )


def colour_of(scheme: Scheme, connector: int) -> str:
    """The class of an output's colour and dash."""
    return _colour(frozenset({connector}), {each.connector: n for n, each in enumerate(scheme.outputs)})


def _same(reach: dict[str, frozenset[int]], bus: str, scheme: Scheme) -> set[str]:
    """The buses that closed contactors join with this one."""
    found = {bus}
    while True:
        more = {
            end
            for each in scheme.contactors
            if each.joins and (each.one in found) != (each.other in found)
            for end in (each.one, each.other)
        }
        if more <= found:
            return found
        found |= more


def _colour(numbers: frozenset[int], place: dict[int, int]) -> str:
    if len(numbers) > 1:
        return "clash"
    return next((f"out{place[number] % COLOURS + 1}" for number in numbers if number in place), "")


def _wire(numbers: frozenset[int], place: dict[int, int], has_power: bool) -> str:
    return " ".join(filter(None, ("w", _colour(numbers, place), "on" if has_power else "")))


def _class(*words: str) -> str:
    return " ".join(filter(None, words))


def _group(group: Group, words: Words, marked: set[str]) -> dict[str, str]:
    return {
        f"{group.item}@class": _class("group", "odd" if group.item in marked else ""),
        f"{group.item}.p": f"{words.number(group.power_w / 1000)} {words('modules.kw')}",
        f"{group.item}.to": words("modules.output", n=group.connector) if group.connector else words("modules.nobody"),
    }


def _module(module: Module, words: Words, marked: set[str]) -> dict[str, str]:
    item, temperature = module.item, module.temperature_c
    share = 0.0 if temperature is None else (temperature - COLDEST_C) / (HOTTEST_C - COLDEST_C)
    word = words(f"modules.state_{module.state}")
    volts = f"{words.number(module.voltage_v, 0)} {words('modules.v')}"
    amps = f"{words.number(module.current_a)} {words('modules.a')}"
    celsius = f"{words.number(temperature, 0)} °C"
    return {
        f"{item}@class": _class("part", "odd" if item in marked else "", "hot" if share >= 0.75 else ""),
        f"{item}@aria-label": f"{words('modules.module', n=module.number)}, {word}, {volts}, {amps}, {celsius}",
        f"{item}.f@fill": f"url(#p-{module.state})",
        f"{item}.i@href": f"#i-{module.state}",
        f"{item}.va": f"{volts}  {amps}",
        f"{item}.v": volts,
        f"{item}.a": amps,
        f"{item}.c": celsius,
        f"{item}.b@width": str(round(BAR_PX * min(max(share, 0.0), 1.0))),
        f"{item}.s": word,
    }


def _contactor(contactor: Contactor, colour: str, words: Words, marked: set[str]) -> dict[str, str]:
    item, word = contactor.item, words(f"modules.contactor_{contactor.state}")
    return {
        f"{item}@class": _class("part", contactor.state, colour, "odd" if item in marked else ""),
        f"{item}@aria-label": f"{contactor.name}, {word}",
        f"{item}.i@href": f"#k-{contactor.state}",
        f"{item}.s": word,
        f"{item}.n": str(contactor.operations),
    }


def _output(output: Output, words: Words, marked: set[str]) -> dict[str, str]:
    item, status = output.item, words.one_of("cstatus", output.status)
    power_w = output.power_w
    flow = (
        f"{words.number(None if power_w is None else power_w / 1000)} {words('modules.kw')}",
        f"{words.number(output.voltage_v, 0)} {words('modules.v')}",
        f"{words.number(output.current_a, 0)} {words('modules.a')}",
    )
    return {
        f"{item}@class": _class("part", "odd" if item in marked else ""),
        f"{item}@aria-label": f"{words('modules.output', n=output.connector)}, {status}, {', '.join(flow)}",
        f"{item}.s": status,
        f"{item}.p": "  ".join(flow),
        f"{item}.g": ", ".join(output.groups) or "–",
    }
