"""The steps of a move as a table: what each does, when it is left, its time limit and its way back (power.md 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from chargepoint.power.measured import Result, Stage, Step
from chargepoint.power.switching.plan import why_refused, why_rests, why_wait
from chargepoint.power.switching.state import Member, Running, Tick


class End(NamedTuple):
    """A move that is over."""

    result: Result
    text: str = ""


Outcome = Step | End | None
"""The next step, the end, or None to stay."""

LEAST_LOOKS = 3
"""So often voltages are seen as they are to be: what is measured may be a whole slow tick old."""

ANNOUNCED_S = 1.0
"""So long before its current falls a vehicle is told (step 2)."""

_NO_LIVE = (Stage.IDLE, Stage.OFF)


def advance(tick: Tick, member: Member, move: Running) -> End | None:
    """Carry on a move as far as it goes at this tick."""
    for _ in Step:
        outcome = _STEPS[move.step](tick, member, move)
        if outcome is None or isinstance(outcome, End):
            return outcome
        move.step, move.since_s, move.cause = outcome, tick.now_s, ""
        if outcome in _LASTING:
            return None
    return None


def _plan(tick: Tick, member: Member, move: Running) -> Outcome:
    if move.joins is not None and (why := why_refused(tick, member.name, move.joins)):
        if member.link is None or not must_leave(tick, member):
            return End(Result.REFUSED, why)
        move.joins = None
    return Step.REST if member.link is None else Step.ANNOUNCE


def must_leave(tick: Tick, member: Member) -> bool:
    """Whether the group cannot stay where it is."""
    connector = tick.connector(member.link)
    if connector is None or member.link is None:
        return True
    link = tick.wiring.topology.links[member.link]
    return (
        tick.look.stage(connector) is not Stage.CHARGING
        or connector in tick.shorted
        or member.name in tick.groups.locked
        or not tick.contactors.unusable.isdisjoint(link.contactors)
        or any(
            tick.look.is_powered(number) and number != connector and bus in tick.wiring.buses[member.link]
            for number, bus in tick.wiring.output_bus.items()
        )
        or (member.link not in tick.wanted.links and tick.wanted.age_s > tick.settings.zero_after_s)
    )


def _announce(tick: Tick, member: Member, move: Running) -> Outcome:
    """The lower maximum is in the orders of the tick before; nobody waits for the answer."""
    return Step.HAND_OVER if tick.in_step_s(move) > 0 else None


def hurries(tick: Tick, member: Member) -> bool:
    """Whether a group that leaves falls without regard to whether others take over."""
    move = member.move
    if move is None or move.step is not Step.HAND_OVER:
        return False
    return tick.in_step_s(move) > tick.settings.take_over_s + ANNOUNCED_S or must_leave(tick, member)


def is_late(tick: Tick, member: Member) -> bool:
    """Whether the others have not taken over in time from a group that leaves: its vehicle is told what they give."""
    move = member.move
    return move is not None and move.step is Step.HAND_OVER and tick.in_step_s(move) > tick.settings.take_over_s


def _hand_over(tick: Tick, member: Member, move: Running) -> Outcome:
    if member.told_a > 0:
        move.zero_since_s = None
    elif move.zero_since_s is None:
        move.zero_since_s = tick.now_s
    if member.told_a <= 0 and tick.look.group_a(member.name) <= tick.settings.zero_a:
        why = _not_drained(tick, member, move)
        if not why:
            return _open(tick, member, move)
        move.cause = why
        return None
    move.cause = "its current falls"
    zero_s = 0.0 if move.zero_since_s is None else tick.now_s - move.zero_since_s
    if zero_s > tick.settings.hand_over_s and not must_leave(tick, member):
        return End(Result.NOT_FALLING, f"group {member.name} does not fall to {tick.settings.zero_a:g} A")
    return None


def _not_drained(tick: Tick, member: Member, move: Running) -> str:
    """Why a group of a session that ends may not leave yet: its output is not open and without voltage."""
    connector = tick.connector(member.link)
    if connector is None or move.joins is not None:
        return ""
    if tick.look.stage(connector) is Stage.STOPPING and tick.look.is_output_closed(connector):
        return f"output {connector} has not opened its contactor"
    if tick.look.stage(connector) not in (Stage.STOPPING, Stage.IDLE):
        return ""
    place = tick.look.place(tick.wiring.output_bus[connector])
    if tick.look.voltage_v(place) < tick.settings.dead_v or tick.in_step_s(move) > tick.settings.drain_s:
        return ""
    return f"output {connector} still has voltage"


def _open(tick: Tick, member: Member, move: Running) -> Step:
    """The group gives up its link; the contactors that nobody else needs open when no current is in them."""
    path = tick.wiring.path(member.link) if member.link is not None else ()
    new = tick.wiring.path(move.joins) if move.joins is not None else ()
    kept = 0
    while kept < min(len(path), len(new)) and path[kept] == new[kept]:
        kept += 1
    move.kept, move.left, member.link = path[:kept], member.link, None
    claimed = tick.claimed()
    move.opened = tuple(name for name in path if name not in claimed)
    return Step.OPEN


def _opening(tick: Tick, member: Member, move: Running) -> Outcome:
    claimed = tick.claimed()
    left = [name for name in move.opened if name not in claimed and tick.look.feedback.get(name) is not False]
    for name in left:
        if name in tick.contactors.welded:
            return End(Result.NOT_OPENED, f"contactor {name} is {tick.contactors.welded[name]}")
        if name in tick.contactors.unknown:
            return End(Result.NOT_OPENED, f"contactor {name} does not report whether it is closed")
    if left:
        move.cause = f"contactor {left[0]} is to open"
        if tick.contactors.ordered.get(left[0]) and tick.in_step_s(move) > tick.settings.still_s:
            return End(Result.NOT_OPENED, f"contactor {left[0]} is not without current; it opens when it is")
        return None
    if move.joins is None:
        return End(Result.DONE)
    return Step.REST


def _ahead(tick: Tick, move: Running) -> tuple[str, ...]:
    """The contactors of the new link that are not closed yet, from the group to the output."""
    if move.joins is None:
        return ()
    return tuple(name for name in tick.wiring.path(move.joins) if not tick.look.is_closed(name))


def _rest(tick: Tick, member: Member, move: Running) -> Outcome:
    link = move.joins
    connector = tick.connector(link)
    if link is None or connector is None:
        return End(Result.DONE)
    if tick.look.stage(connector) in (*_NO_LIVE, Stage.STOPPING) or connector in tick.shorted:
        return End(Result.STOPPED, f"output {connector} takes no group now")
    if why := why_refused(tick, member.name, link):
        return End(Result.REFUSED, why)
    if why := tick.waits.get(member.name) or why_wait(tick, member.name, link):
        move.cause, move.since_s, move.matched_since_s = why, tick.now_s, None
        if tick.still_s > tick.settings.still_s and not why_rests(tick, link):
            return End(Result.REFUSED, why)
        return None
    ahead = _ahead(tick, move)
    if not ahead:
        move.closing = tick.wiring.path(link)
        return Step.CLOSE
    is_live = _is_live(tick, member, link) or tick.in_step_s(move) > tick.settings.bleed_s / 2
    closing, is_far = _closable(tick, ahead, is_live)
    if closing:
        closing = _settled(tick, member, move, closing, is_far)
    else:
        move.matched_since_s = None
    is_quick = far_voltage(tick, move) >= tick.settings.dead_v and _is_live(tick, member, link)
    limit_s = tick.settings.match_s if is_quick else tick.settings.bleed_s
    if closing and tick.closing_at.get(connector, member.name) == member.name:
        if any(tick.contactors.why_not_close(name, tick.now_s) for name in closing):
            move.cause = "a contactor has just moved"
            return None
        if any(True for _ in tick.contactors.moving()):
            move.cause = "another contactor still moves"
            return None
        tick.closing_at[connector] = member.name
        move.closing = tuple(name for name in tick.wiring.path(link) if name not in ahead or name in closing)
        move.matched_since_s = None
        return Step.CLOSE
    if closing:
        move.cause = "another group joins first"
        move.since_s = tick.now_s
        return None
    move.cause = "its voltage goes to that of the output" if is_far else "its voltage falls"
    if move.matched_since_s is None and tick.in_step_s(move) > (limit_s if is_far else tick.settings.bleed_s):
        return End(Result.NOT_MATCHED, f"group {member.name} does not match output {connector}")
    return None


def _settled(tick: Tick, member: Member, move: Running, closing: tuple[str, ...], is_far: bool) -> tuple[str, ...]:
    """`closing` once the voltages have been as they are to be for long enough, by order and not in passing."""
    is_by_order = member.is_on is is_far and tick.look.groups[member.name].is_on is is_far
    if not is_by_order or (not is_far and _is_starting(tick, closing)):
        move.matched_since_s = None
        return ()
    if move.matched_since_s is None:
        move.matched_since_s, move.matched_looks = tick.now_s, 0
    move.matched_looks += 1
    is_long = tick.now_s - move.matched_since_s >= tick.settings.settled_s - 1e-9
    return closing if is_long and move.matched_looks >= LEAST_LOOKS else ()


def _is_starting(tick: Tick, contactors: tuple[str, ...]) -> bool:
    """Whether a group on one of the sides is on, or has just been told to be: what is dead now soon has voltage."""
    places = {tick.look.place(end) for name in contactors for end in tick.wiring.ends[name]}
    names = [name for place in places for name in tick.look.joined.groups.get(place, ())]
    return any(tick.members[name].is_on or tick.look.groups[name].is_on for name in names)


def far_voltage(tick: Tick, move: Running) -> float:
    """The voltage of what a group is to be joined with: beyond the last contactor that is still open."""
    ahead = _ahead(tick, move)
    if not ahead or move.joins is None:
        return 0.0
    own = tick.wiring.output_bus[tick.wiring.topology.links[move.joins].connector]
    return tick.look.voltage_v(tick.look.place(own))


def matching(tick: Tick, member: Member, move: Running) -> float | None:
    """Steps 5 and 6: the voltage that a group goes to with no current; None: off.

    Bare conductors on the way are joined while the group has no voltage; then it goes to that of the live bus. What is
    too high bleeds first; a group that does not is told the voltage instead.
    """
    if move.joins is None or move.step not in (Step.REST, Step.CLOSE):
        return None
    if member.name in tick.waits and move.step is Step.REST:
        return None
    ahead = _ahead(tick, move)
    settings = tick.settings
    if not ahead:
        return member.told_v if member.is_on else None
    far_v = far_voltage(tick, move)
    is_rest = not _is_live(tick, member, move.joins) and tick.in_step_s(move) <= settings.bleed_s / 2
    if far_v < settings.dead_v or len(ahead) > 1 or (is_rest and move.step is Step.REST):
        return None
    own_v = tick.look.voltage_v(tick.look.place(tick.wiring.group_bus[member.name]))
    if own_v > far_v + settings.match_v and tick.in_step_s(move) < settings.match_s * 0.6:
        return None
    return far_v


def _is_live(tick: Tick, member: Member, link: int) -> bool:
    """Whether anything holds the voltage of the output: a battery, or another group. Else it is a rest, and falls."""
    connector = tick.wiring.topology.links[link].connector
    names = tick.look.joined.groups.get(tick.look.place(tick.wiring.output_bus[connector]), ())
    others = [name for name in names if name != member.name]
    return tick.look.is_output_closed(connector) or any(
        tick.members[name].is_on or tick.look.groups[name].is_on or not tick.look.groups[name].is_online
        for name in others
    )


def _closable(tick: Tick, ahead: tuple[str, ...], is_live: bool) -> tuple[tuple[str, ...], bool]:
    """What may be closed now of the contactors ahead, and whether only the live bus is missing."""
    settings, look = tick.settings, tick.look
    sides = {name: look.apart_v(name) for name in ahead}
    if all(highest < settings.dead_v for _, highest in sides.values()):
        return ahead, False
    inner, last = ahead[:-1], ahead[-1]
    if inner:
        return (inner if all(sides[name][1] < settings.dead_v for name in inner) else ()), False
    return ((last,) if is_live and sides[last][0] <= settings.match_v else ()), is_live


def _close(tick: Tick, member: Member, move: Running) -> Outcome:
    link = move.joins
    connector = tick.connector(link)
    if link is None or connector is None:
        return End(Result.STOPPED)
    if tick.look.stage(connector) in (*_NO_LIVE, Stage.STOPPING) or connector in tick.shorted:
        return End(Result.STOPPED, f"output {connector} takes no group now")
    failed = [name for name in move.closing if name in tick.contactors.unusable]
    if failed:
        why = tick.contactors.failed.get(failed[0], "not readable")
        return End(Result.NOT_CLOSED, f"contactor {failed[0]}: {why}")
    is_ordered = any(tick.contactors.ordered.get(name) for name in move.closing if name not in move.kept)
    if not is_ordered and (why_rests(tick, link) or why_wait(tick, member.name, link)):
        move.closing = ()
        return Step.REST
    if not tick.contactors.is_stable(move.closing, tick.now_s):
        late = [name for name in move.closing if tick.look.feedback.get(name) is False]
        sides = [tick.look.apart_v(name) for name in late]
        if any(highest >= tick.settings.dead_v and apart > tick.settings.most_difference_v for apart, highest in sides):
            move.closing = ()  # the order is taken back
            return Step.REST
        move.cause = "contactors close"
        if tick.in_step_s(move) > 2 * tick.settings.obey_s + tick.settings.match_s:
            return End(Result.NOT_CLOSED, "its contactors were not all closed in time")
        return None
    if _ahead(tick, move):
        return Step.REST
    member.link, move.closing, move.kept = link, (), ()
    return Step.SHARE


def _share(tick: Tick, member: Member, move: Running) -> Outcome:
    """It takes the voltage of the others, from 0 A: see ramps."""
    return Step.RAISE


def _raise(tick: Tick, member: Member, move: Running) -> Outcome:
    connector = tick.connector(member.link)
    if connector is None or member.link is None or tick.look.stage(connector) is not Stage.CHARGING:
        return Step.TELL
    output = tick.look.outputs[connector]
    voltage_v = max(output.voltage_v, 50.0)
    share = 1 - tick.settings.reached_share
    mates = [each for each in tick.members.values() if tick.connector(each.link) == connector]
    given_a = sum(tick.look.group_a(each.name) for each in mates)
    wanted_w = tick.wanted.links.get(member.link, 0.0)
    most_a = min(wanted_w / voltage_v, tick.wiring.topology.groups[member.name].current_a(voltage_v))
    if (
        tick.look.group_a(member.name) >= share * most_a - tick.settings.zero_a
        or given_a >= share * output.request_a - tick.settings.zero_a
    ):
        return Step.TELL
    move.cause = "its current rises"
    if tick.in_step_s(move) > tick.settings.raise_s:
        return End(Result.NOT_DELIVERING, f"group {member.name} does not deliver what it was given")
    return None


def _tell(tick: Tick, member: Member, move: Running) -> Outcome:
    """The new maximum is in the orders of this tick."""
    return End(Result.DONE) if tick.in_step_s(move) > 0 else None


_LASTING = frozenset({Step.ANNOUNCE, Step.OPEN, Step.CLOSE, Step.SHARE, Step.TELL})
"""Steps that last until the next tick at least."""

_STEPS: dict[Step, Callable[[Tick, Member, Running], Outcome]] = {
    Step.PLAN: _plan,
    Step.ANNOUNCE: _announce,
    Step.HAND_OVER: _hand_over,
    Step.OPEN: _opening,
    Step.REST: _rest,
    Step.CLOSE: _close,
    Step.SHARE: _share,
    Step.RAISE: _raise,
    Step.TELL: _tell,
}
