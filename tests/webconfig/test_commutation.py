"""The commutation scheme: where things stand, what changes, what cannot be, and the last day of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from webconfig.commutation.contradictions import contradictions
from webconfig.commutation.drawing import picture
from webconfig.commutation.places import Box, placed
from webconfig.commutation.scheme import Contactor, Group, Module, Output, Scheme, joined
from webconfig.commutation.values import values_of
from webconfig.scheme_history import FILE, KEPT_S, MOST_BYTES, SchemeHistory
from webconfig.words import LANGUAGES, Words

START = datetime(2026, 5, 4, 10, tzinfo=UTC)


def module(number: int, state: str = "white", current_a: float = 0.0) -> Module:
    return Module("bank", number, state, 400.0, current_a, 30.0)


def output(number: int, bus: str = "", *groups: str) -> Output:
    return Output(number, bus or f"C{number}", "AVAILABLE", 0.0, 0.0, 0.0, groups)


def matrix(groups: int, outputs: int, *closed: tuple[int, int], modules: int = 1) -> Scheme:
    return Scheme(
        groups=tuple(
            Group(f"G{g}", f"G{g}", 0, 0.0, tuple(module(g * modules + m) for m in range(modules)))
            for g in range(1, groups + 1)
        ),
        contactors=tuple(
            Contactor(f"K{g}.{o}", f"G{g}", f"C{o}", "closed" if (g, o) in closed else "open")
            for g in range(1, groups + 1)
            for o in range(1, outputs + 1)
        ),
        outputs=tuple(output(o) for o in range(1, outputs + 1)),
    )


def ring(count: int) -> Scheme:
    return Scheme(
        groups=tuple(Group(f"G{n}", f"N{n}", n, 0.0, (module(2 * n), module(2 * n + 1))) for n in range(count)),
        contactors=tuple(Contactor(f"T{n}", f"N{n}", f"N{(n + 1) % count}", "open") for n in range(count)),
        outputs=tuple(output(n, f"N{n}") for n in range(count)),
    )


ALONE = Scheme((Group("bank", "output 1", 1, 0.0, (module(1),)),), (), (output(1, "output 1"),))
NODES = Scheme(
    (Group("G1", "G1", 1, 0.0, (module(1),)), Group("G2", "G1", 1, 0.0, (module(2),))),
    (
        Contactor("K1", "G1", "A", "closed"),
        Contactor("T1", "A", "B", "open"),
        Contactor("Q1", "A", "C1", "closed"),
        Contactor("Q2", "B", "C2", "open"),
        Contactor("K1b", "G1", "A", "open"),
        Contactor("X", "lost", "lost too", "unknown"),
    ),
    (output(1), output(2), output(3, "nowhere")),
)
SCHEMES = [ALONE, Scheme(), matrix(24, 12, (1, 1)), ring(12), ring(2), NODES, matrix(1, 3), matrix(2, 1, modules=20)]


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.w and other.x < one.x + one.w and one.y < other.y + other.h and other.y < one.y + one.h
    )


@pytest.mark.parametrize("is_tall", [False, True])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_everything_has_its_place_in_the_picture_and_nothing_covers_another(scheme: Scheme, is_tall: bool) -> None:
    found = placed(scheme, is_tall=is_tall)
    boxes = [*found.groups, *found.outputs]
    assert not any(overlap(one, other) for n, one in enumerate(boxes) for other in boxes[:n])
    assert sorted(spot.contactor.name for spot in found.spots) == sorted(each.name for each in scheme.contactors)
    switches = [(spot.x, spot.y) for spot in found.spots]
    assert len(set(switches)) == len(switches)
    assert all(box.x >= 0 and box.x + box.w <= found.width and box.y + box.h <= found.height for box in boxes)
    assert all(0 < x < found.width and 0 < y < found.height for x, y in switches)
    tiles = [tile for group in found.tiles for tile in group]
    assert len(tiles) == len(scheme.modules)
    wired = {wire.bus for wire in found.wires}
    assert {each.bus for each in scheme.outputs} <= wired


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=14), st.booleans())
def test_any_way_of_joining_buses_can_be_drawn(pairs: list[tuple[int, int]], is_tall: bool) -> None:
    names = ["G1", "G2", "A", "B", "C1", "C2"]
    contactors = tuple(
        Contactor(f"K{n}", names[one], names[other], "closed") for n, (one, other) in enumerate(pairs) if one != other
    )
    scheme = Scheme(matrix(2, 0).groups, contactors, (output(1), output(2)))
    found = placed(scheme, is_tall=is_tall)
    assert len(found.spots) == len(contactors)
    values_of(scheme, Words("en"))
    contradictions(scheme)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_changes_in_the_picture_has_a_value_and_every_word_a_text(scheme: Scheme, language: str) -> None:
    values = values_of(scheme, Words(language))
    text = str(picture(scheme, values, "label", lambda item: f"?item={item}"))
    keys = set(re.findall(r'data-live="([^"]+)"', text))
    known = {key.partition("@")[0] for key in values}
    assert keys <= known
    assert not any("modules." in value for value in values.values())


def test_buses_follow_closed_contactors_and_take_the_colour_of_their_output() -> None:
    scheme = matrix(3, 2, (1, 2), (2, 2))
    scheme = replace(
        scheme, groups=(replace(scheme.groups[0], modules=(module(1, "green", 20.0),)), *scheme.groups[1:])
    )
    assert joined(scheme)["G1"] == joined(scheme)["G2"] == {2} and joined(scheme)["G3"] == frozenset()
    values = values_of(scheme, Words("en"))
    assert values["w.G1@class"] == values["w.C2@class"] == "w out2 on"
    assert values["w.G3@class"] == "w" and values["w.C1@class"] == "w out1"
    assert not contradictions(scheme)


def keys(scheme: Scheme) -> list[str]:
    return [each.key for each in contradictions(scheme)]


def test_contradictions_are_found() -> None:
    two = matrix(2, 2, (1, 1), (1, 2))
    used = replace(two, outputs=(output(1, "", "G1"), output(2, "", "G2")))
    assert keys(two) == [], "nobody uses the second output: its own contactor is open"
    assert keys(used) == ["two_outputs"]
    (found,) = contradictions(used)
    assert set(found.items) == {"k.K1.1", "k.K1.2", "g.G1", "o.1", "o.2"}
    assert values_of(used, Words("en"))["w.G1@class"].startswith("w clash")
    welded = replace(used, contactors=tuple(replace(k, state="welded") for k in used.contactors[:2]))
    assert keys(welded) == ["two_outputs"], "a welded one joins, too"

    def giving(contactor: str) -> Scheme:
        alone = matrix(1, 1)
        group = replace(alone.groups[0], connector=1, modules=(module(1, "green", 5.0),))
        return replace(alone, groups=(group,), contactors=(replace(alone.contactors[0], state=contactor),))

    assert keys(giving("open")) == ["current_to_open"]
    assert keys(giving("closed")) == keys(giving("unknown")) == []
    elsewhere = matrix(1, 2, (1, 2))
    assert keys(replace(elsewhere, groups=(replace(elsewhere.groups[0], connector=1),))) == ["elsewhere"]
    twice = replace(matrix(2, 2), outputs=(output(1, "", "G1"), output(2, "", "G1")))
    assert keys(twice) == ["assigned_twice"]
    both = matrix(2, 1)
    assert keys(replace(both, groups=tuple(replace(g, modules=(module(7),)) for g in both.groups))) == ["module_twice"]


class Days:
    """Wall time that a test turns."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at

    def after(self, seconds: float) -> float:
        self.at = START + timedelta(seconds=seconds)
        return self.at.timestamp()


def with_state(state: str, current_a: float = 0.0) -> Scheme:
    return replace(ALONE, groups=(Group("bank", "output 1", 1, 0.0, (module(1, state, current_a),)),))


def test_states_are_kept_on_change_and_found_again_after_a_restart(tmp_path: Path) -> None:
    now = Days()
    history = SchemeHistory(tmp_path / FILE, now)
    times = []
    for second, state in ((0, "white"), (10, "green"), (20, "red")):
        times.append(now.after(second))
        history.note(with_state(state))
    now.after(21)
    history.note(with_state("red", 1.0))  # measurements alone: once a minute
    assert not (tmp_path / FILE).exists(), "written in batches"
    history.write()
    history.close()
    again = SchemeHistory(tmp_path / FILE, now)
    assert again.span_s() == (times[0], times[2])
    assert [again.at(at + 5) for at in times] == [
        (at, with_state(state)) for at, state in zip(times, ("white", "green", "red"), strict=True)
    ]
    assert again.at(times[0] - 1) is None
    assert [(event.before, event.now, event.is_fault) for event in again.events("m.bank.1")] == [
        ("green", "red", True),
        ("white", "green", False),
    ]
    assert [event.now for event in again.events(faults_only=True)] == ["red"]
    again.close()


def test_the_history_stays_within_a_day_and_its_bounds_and_outlives_a_damaged_file(tmp_path: Path) -> None:
    now = Days()
    (tmp_path / FILE).write_bytes(b"no database" * 500)
    history = SchemeHistory(tmp_path / FILE, now)
    now.after(0)
    history.note(with_state("white"))
    history.write()  # the damaged one is given up
    big = matrix(24, 12)
    for n in range(300):
        now.after(KEPT_S - 600 + n)
        history.note(replace(big, outputs=(*big.outputs[1:], replace(big.outputs[0], status=f"S{n}"))))
        history.write()
    now.after(KEPT_S + 500)
    history.note(with_state("green"))
    span = history.span_s()
    assert span is not None and span[0] >= START.timestamp() + 500 and span[1] == now.at.timestamp()
    assert (tmp_path / FILE).stat().st_size < 2 * MOST_BYTES
    now.after(1000)  # the clock was wrong
    history.note(with_state("red"))
    assert history.span_s() == (now.at.timestamp(), now.at.timestamp())
    history.close()
