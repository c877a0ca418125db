"""Equal division of a current among modules, each up to what it can. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def divide(total_a: float, most_a: Sequence[float]) -> list[float]:
    """Shares of `total_a`: equal, but no more than `most_a` of each; what one cannot give the others take.

    The shares are never together more than `total_a`, nor negative.
    """
    count = len(most_a)
    if count == 0:
        return []
    equal_a = max(total_a, 0.0) / count
    if equal_a <= min(most_a):
        return [equal_a] * count
    shares = [0.0] * count
    left_a = max(total_a, 0.0)
    order = sorted(range(count), key=lambda at: most_a[at])
    for done, at in enumerate(order):
        shares[at] = min(left_a / (count - done), max(most_a[at], 0.0))
        left_a -= shares[at]
    return shares
