"""What a device says of itself can be shown and kept, whatever it says."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from drivers.interfaces import MOST_IDENTITY, Identity


@given(st.text(max_size=200), st.text(max_size=200))
def test_every_text_is_short_and_printable(model: str, serial: str) -> None:
    said = Identity(model=model)
    for identity in (said, msgspec.structs.replace(said, serial=serial)):
        for text in (identity.model, identity.serial):
            assert text.isprintable() and len(text) <= MOST_IDENTITY
        assert msgspec.json.decode(msgspec.json.encode(identity), type=Identity) == identity


def test_a_good_text_stays_as_it_is() -> None:
    assert Identity("Müller", "ÄC 22", "S-1").model == "ÄC 22"
    assert Identity(serial="\x1b[31m1\n").serial == "?[31m1?"
