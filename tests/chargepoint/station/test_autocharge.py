"""Which idTag stands for a vehicle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoint.station.access import MAX_ID_TAG_LENGTH
from chargepoint.station.autocharge import id_tag_of


@pytest.mark.parametrize(
    ("uid", "id_tag"),
    [
        ("007DFA0B2C01", "VID:007DFA0B2C01"),
        ("00:7d:fa:0b:2c:01", "VID:007DFA0B2C01"),
        ("00-7D-FA-0B-2C-01", "VID:007DFA0B2C01"),
        ("007d.fa0b.2c01", "VID:007DFA0B2C01"),
        ("007DFAFFFE0B2C01", "VID:007DFAFFFE0B2C01"),
        (" LSVAU2A37N2183294 ", "LSVAU2A37N2183294"),
        ("lsvau2a37n2183294", "LSVAU2A37N2183294"),
        ("", ""),
        ("000000000000", ""),  # place holders
        ("FF:FF:FF:FF:FF:FF", ""),
        ("01:00:5E:0B:2C:01", ""),  # a group, not one modem
        ("00000000000000000", ""),
        ("XXXXXXXXXXXXXXXXX", ""),
        ("LSVAU2A37N218329", ""),  # a character short
        ("ISVAU2A37N2183294", ""),  # no VIN has an I
        ("007DFA0B2C", ""),
        ("LSVAU2A37N2183294\n;DROP", ""),
    ],
)
def test_id_tag_of_a_vehicle(uid: str, id_tag: str) -> None:
    assert id_tag_of(uid) == id_tag


@given(st.text(max_size=40))
def test_whatever_a_vehicle_says_its_id_tag_can_be_sent(uid: str) -> None:
    found = id_tag_of(uid)
    assert len(found) <= MAX_ID_TAG_LENGTH and found.isascii() and found == found.upper()
