"""What texts for others show of numbers of cards and of secrets."""

from __future__ import annotations

from chargepoint.masking import Known, without_cards


def test_known_numbers_show_their_ends_as_whole_words_in_any_case() -> None:
    known = Known(("USER-KZ-0077", "admin", "two words 9", "ab"))
    assert (
        known.hidden("user-kz-0077, administrator admin; Two Words 9 ab") == "··0077, administrator ··dmin; ··ds 9 ab"
    )
    assert without_cards("04A2B3C4D5E6 beef") == "··D5E6 beef"
