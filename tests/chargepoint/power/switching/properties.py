"""What must be true of the sequencer on any plant: each property is a function from a scenario to what is wrong."""

from __future__ import annotations

from chargepoint.power.switching.sequencer import Sequencer
from chargepoint.power.topology import Topology
from tests.chargepoint.power.switching.scenarios import Play, Scenario

REACHED_S = 60.0
"""An honest plant is where the allocation wants it within this time."""
RESTED_S = 130.0
"""The same when contactors have to rest first (R5), or groups are tried again."""


def make(topology: Topology, before: Sequencer | None) -> Sequencer:
    """The times of the last closings outlive a restart (R5): the cabinet keeps them."""
    return Sequencer(topology, closings={} if before is None else before.closings)


def keeps_the_rules(scenario: Scenario) -> list[str]:
    """Z1 to Z12 at every tick, whatever happens."""
    play = Play(scenario, make)
    play.play()
    play.run(12)
    return _sins(play)


def reaches_what_is_wanted(scenario: Scenario) -> list[str]:
    """With honest parts a constant allocation is reached, and nothing moves from then on."""
    play = Play(scenario, make)
    play.play()
    play.want(scenario.events[0].how)
    took_s = play.settle(RESTED_S)
    if took_s is None:
        return [*_not_reached(play), *_sins(play)]
    return [*_moves_within(play, 15), *_sins(play)]


def survives_restarts(scenario: Scenario) -> list[str]:
    """A new sequencer at any moment: nothing opens under current, what runs goes on, the goal is reached."""
    play = Play(scenario, make)
    play.play()
    play.drive.restart()
    play.run(scenario.events[0].how / 10)
    play.drive.restart()
    play.want(scenario.events[0].how)
    if play.settle(RESTED_S) is None:
        return [*_not_reached(play), *_sins(play)]
    play.run(3)
    charging = {n: play.plant.outlet(n).current_a for n in play.connectors if n in play.drive.wanted.grants}
    wanted = play.drive.wanted
    play.drive.restart()
    wrong = _moves_within(play, 5)
    if play.drive.wanted is wanted:
        for number, before_a in charging.items():
            now_a = play.plant.outlet(number).current_a
            request_a = play.plant.outlet(number).request_a()
            if now_a < 0.9 * min(before_a, request_a) - 1:
                wrong.append(f"output {number} fell from {before_a:.0f} to {now_a:.0f} A after a restart")
    return [*wrong, *_sins(play)]


def goes_on_without_the_bad_parts(scenario: Scenario) -> list[str]:
    """Faults of some parts leave the rest as it is; mended and cleared, everything is reached again."""
    play = Play(scenario, make)
    play.play()
    play.run(3)
    play.drive.age(0)
    play.renew(play.drive.sequencer.faulted_outputs)
    play.want(scenario.events[0].how, play.spoilt())
    if not play.settle_outputs(RESTED_S):
        return [*(f"without bad parts: {each}" for each in play.missing_at_outputs()), *_sins(play)]
    play.repair()
    play.run(8)
    for name in sorted(play.hurt):
        play.drive.sequencer.clear(name)
    play.run(1)
    play.renew(play.drive.sequencer.faulted_outputs)
    play.want(scenario.events[0].how)
    if play.settle(RESTED_S) is None:
        return [*(f"after repair: {each}" for each in _not_reached(play)), *_sins(play)]
    return _sins(play)


def _sins(play: Play) -> list[str]:
    return [f"{each.rule} at {each.at_s:.2f} s: {each.text}" for each in play.drive.judge.verdict()]


def _not_reached(play: Play) -> list[str]:
    alarms = [f"{name} {text}" for name, text in play.drive.sequencer.alarms.items()]
    return [f"{each} ({'; '.join(alarms)})" for each in play.drive.missing()]


def _moves_within(play: Play, seconds: float) -> list[str]:
    """Contactors that move though nothing is wanted otherwise."""
    before, wanted = len(play.plant.truth.operations), play.drive.wanted
    play.run(seconds)
    if play.drive.wanted is not wanted:
        return []
    return [
        f"{each.contactor} moved though nothing changed"
        for each in play.plant.truth.operations[before:]
        if each.cause != "bounce"
    ]
