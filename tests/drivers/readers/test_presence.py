"""A card counts once while it lies on a reader, however its field flickers."""

from __future__ import annotations

from drivers.readers.presence import MOST_CARDS, Presence


def test_a_card_that_lies_there_for_ten_minutes_counts_once() -> None:
    presence = Presence(0.5)
    assert presence.seen(("a",), 0.0) == ("a",)
    assert all(presence.seen(("a",), 0.2 * tick) == () for tick in range(1, 3000))


def test_a_card_that_nobody_saw_go_is_the_same_after_a_long_silence() -> None:
    presence = Presence(0.5)
    presence.seen(("a",), 0.0)
    assert presence.seen(("a",), 600.0) == ()


def test_a_card_at_the_edge_of_the_field_counts_once() -> None:
    presence = Presence(0.5)
    assert [presence.seen(("a",) if tick % 3 else (), 0.1 * tick) for tick in range(30)].count(("a",)) == 1


def test_a_card_counts_anew_after_it_was_away() -> None:
    presence = Presence(0.5)
    presence.seen(("a",), 0.0)
    presence.seen((), 1.0)
    assert presence.seen((), 1.4) == ()
    assert presence.seen(("a",), 1.6) == ("a",)


def test_another_card_counts_at_once_and_two_alternating_ones_once_each() -> None:
    presence = Presence(1.5)
    heard = [presence.heard(key, 0.05 * tick) for tick, key in enumerate("abababab")]
    assert heard == [True, True] + [False] * 6


def test_a_repeated_number_counts_anew_after_silence() -> None:
    presence = Presence(1.5)
    heard = [presence.heard("a", at_s) for at_s in (0.0, 0.05, 0.1, 1.5, 3.1, 3.15)]
    assert heard == [True, False, False, False, True, False]


def test_of_a_flood_of_numbers_only_some_are_remembered() -> None:
    presence = Presence(60.0)
    for number in range(1000):
        assert presence.heard(str(number), 0.001 * number)
    assert sum(not presence.heard(str(number), 2.0) for number in range(1000)) <= MOST_CARDS
