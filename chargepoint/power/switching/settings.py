"""The numbers of power.md 5 and 6."""

from __future__ import annotations

import msgspec


class SwitchingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How carefully contactors are moved. The defaults are those of power.md; other ones are for special hardware."""

    rise_a_per_s: float = 20.0
    """Z7: so fast an output rises, over all of its groups together."""
    fall_a_per_s: float = 100.0
    """Z7: so fast it is lowered in normal work."""
    slack_a: float = 3.0
    """A group is told at most so much, and the rise of a tick, more than it is measured to give: what is late or cannot
    be taken does not pile up and then come as a jump."""
    gentle_a: float = 2.0
    """Z10: most current in the insulation test and pre-charge."""
    zero_a: float = 1.0
    """Z1: what counts as no current."""
    quiet_s: float = 0.3
    """Z1: so long there is no current, with nothing ordered, before a contactor opens: longer than measuring takes."""
    dip_a: float = 2.5
    dip_share: float = 0.04
    """So much (the larger) the current of an output may be below its level while load moves between its groups."""
    match_v: float = 10.0
    """Step 5: so close both sides are to be before they are joined."""
    settled_s: float = 0.5
    """Step 5: so long they are to be so close, with the group on (or off, where nothing is live)."""
    most_difference_v: float = 20.0
    """Z3: further apart they are never joined."""
    dead_v: float = 60.0
    """Z3: both sides below it may be joined whatever they are."""
    bare_s: float = 5.0
    """So long a bare conductor on which nobody measures counts as having the voltage it had last."""
    stable_s: float = 0.2
    """Z4: so long a contactor is reported closed before current flows."""
    longest_step_s: float = 1.0
    """More time than this between two ticks does not count: a pause is no reason for a jump."""
    hand_over_s: float = 5.0
    """Step 3, from when nothing is ordered any more."""
    take_over_s: float = 25.0
    """Step 3: so long the others of its output have to take over from a group that leaves; then it falls anyway."""
    obey_s: float = 1.0
    """Z9: so long feedback may differ from the order (steps 4 and 6)."""
    unsteady_s: float = 15.0
    """Feedback that became another thing than ordered `tries` times within so long, without an order, is not known."""
    match_s: float = 5.0
    """Step 5, time to reach the voltage of the live bus."""
    bleed_s: float = 20.0
    """Step 5, time to fall below `dead_v` where nothing is live."""
    drain_s: float = 5.0
    """End of session: after so long without a closed output contactor the matrix opens, though voltage has stayed."""
    relief_s: float = 10.0
    """The last group of an output that charges stays so long for another one to join first."""
    still_s: float = 15.0
    """So long a contactor is waited for that is not without current (step 4), and a way that is not free, once nothing
    else changes (step 5)."""
    raise_s: float = 20.0
    """Step 8."""
    reached_share: float = 0.03
    """Step 8: an allocation is reached within this share of it."""
    hold_after_s: float = 3.0
    guarantees_after_s: float = 10.0
    zero_after_s: float = 30.0
    """Z11, by the age of the allocation."""
    silent_s: float = 1.0
    """A group that has not answered for so long is locked out."""
    back_s: float = 5.0
    """It may be used again when it has been well for so long."""
    retry_s: float = 60.0
    """A group that did not match, or a move that was refused or cancelled, is not tried again before."""
    repair_s: float = 600.0
    """A contactor that did not close, or fell off, is offered again after so long; the third time never again."""
    tries: int = 3
    operations: int = 3
    """R5: so many closings of a contactor ..."""
    operations_within_s: float = 61.0
    """... within so long."""
    least_gap_s: float = 0.5
    """Between two orders for one contactor (opening is never delayed)."""
