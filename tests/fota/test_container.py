"""Prelude and header: what is not exactly as it was signed is refused with a code, and nothing else ever comes out."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fota import container
from fota.container import CODES, PRELUDE_BYTES, Content, Encryption, Header, Refused, read_header, read_prelude
from tests.fota import parcels

ENCRYPTION = Encryption(wrapped=("ab" * 40,))
CONTENT = Content(name="chargepoint.deb", size=100, sha256="00" * 32, unpacked_size=10)
GOOD = parcels.header(
    "application",
    "1.2.3.4",
    CONTENT,
    encryption=ENCRYPTION,
    chunks=("11" * 32,),
    made_at=datetime(2026, 1, 2, tzinfo=UTC),
)
PAYLOAD = container.payload_size(100)


def prelude_for(header: bytes, payload_bytes: int = PAYLOAD) -> container.Prelude:
    return read_prelude(container.unsigned_prelude(header, payload_bytes, bytes(64), bytes(32)) + bytes(64))


def test_what_is_written_is_read_again() -> None:
    told = container.header_bytes(GOOD)
    assert read_header(told, prelude_for(told)) == GOOD


def test_the_prelude_has_248_bytes_and_the_documented_places() -> None:
    data = container.unsigned_prelude(b"head", 77, b"p" * 64, b"k" * 32) + b"s" * 64
    assert len(data) == PRELUDE_BYTES == 248
    assert (data[:8], data[8:10], data[12:16], data[16:24]) == (
        b"CPUPDATE",
        b"\0\1",
        b"\0\0\0\4",
        (77).to_bytes(8, "big"),
    )
    assert data[24:88] == hashlib.sha512(b"head").digest()
    assert (data[88:152], data[152:184], data[184:]) == (b"p" * 64, b"k" * 32, b"s" * 64)


@given(st.one_of(st.binary(max_size=400), st.binary(max_size=400).map(lambda data: container.MAGIC + data)))
def test_any_bytes_give_a_prelude_or_a_refusal(data: bytes) -> None:
    try:
        prelude = read_prelude(data)
        container.check_lengths(prelude, len(data))
    except Refused as refused:
        assert refused.code in {"unsigned", "truncated", "bad_format", "too_large", "damaged"}
    else:
        assert prelude.total_bytes == len(data)


def read_signed(data: bytes) -> Header:
    """As if these bytes had been signed."""
    return read_header(data, prelude_for(data))


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_any_signed_bytes_give_a_header_or_a_refusal(data: bytes) -> None:
    with pytest.raises(Refused) as refused:
        read_signed(data)
    assert refused.value.code == "bad_format"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from([*msgspec.structs.asdict(GOOD), "unknown"]), JSON)
def test_any_value_of_any_field_is_taken_exactly_or_refused(name: str, value: Any) -> None:
    data = json.dumps(msgspec.to_builtins(GOOD) | {name: value}, separators=(",", ":"), ensure_ascii=False)
    try:
        encoded = data.encode()
    except UnicodeEncodeError:
        return
    try:
        header = read_signed(encoded)
    except Refused as refused:
        assert refused.code in CODES
    else:
        assert container.header_bytes(header) == encoded


TOLD = container.header_bytes(GOOD).decode()


@pytest.mark.parametrize(
    "told",
    [
        TOLD.replace("{", "{ ", 1),
        TOLD + "\n",
        TOLD.replace('"kind":"application"', '"kind":"application","kind":"application"'),
        TOLD.replace('"kind":"application"', '"kind":"web","kind":"application"'),
        TOLD.replace('"kind"', '"\\u006bind"'),
        TOLD.replace('"size":100', '"size":1e2'),
        TOLD.replace('"size":100', '"size":100.0'),
        TOLD.replace('"size":100', '"size":"100"'),
        TOLD.replace('"size":100', '"size":-1'),
        TOLD.replace('"size":100', '"size":99'),
        TOLD.replace('"version":"1.2.3.4"', '"version":"1.2.3.4\\n"'),
        TOLD.replace('"version":"1.2.3.4"', '"version":"01.2.3.4"'),
        TOLD.replace('"version":"1.2.3.4"', '"version":"1.2.3"'),
        TOLD.replace('"version":"1.2.3.4"', '"version":"1.2.3.99999999999"'),
        TOLD.replace('"floor":"0.0.0.0"', '"floor":"1.2.3.5"'),
        TOLD.replace('"name":"chargepoint.deb"', '"name":"../chargepoint.deb"'),
        TOLD.replace('"name":"chargepoint.deb"', '"name":"/etc/passwd"'),
        TOLD.replace('"repair":false', '"repair":0'),
        TOLD.replace('"repair":false', '"repair":false,"more":1'),
        TOLD.replace("2026-01-02T00:00:00Z", "2026-01-02T00:00:00"),
        TOLD.replace("2026-01-02T00:00:00Z", "2026-01-02T00:00:00+00:00"),
        TOLD.replace('"runtime":"cp311"', '"runtime":""'),
        TOLD.replace('"kind":"application"', '"kind":"web"'),
        TOLD.replace('"kind":"application"', '"kind":"keys"'),
        TOLD.replace('"kind":"application"', '"kind":"firmware"'),
        TOLD.replace("11" * 32, "11" * 31 + "1G"),
        TOLD.replace(f'"{"11" * 32}"', ",".join([f'"{"11" * 32}"'] * 2)),
        TOLD.replace(f'"{"11" * 32}"', ""),
        "[" * 100_000,
        '{"kind":' * 10_000,
        "",
        "null",
        "[]",
        TOLD[:-1],
    ],
)
def test_a_header_that_is_not_canonical_is_refused_though_it_is_signed(told: str) -> None:
    assert told != TOLD
    with pytest.raises(Refused) as refused:
        read_signed(told.encode())
    assert refused.value.code == "bad_format"


def test_another_header_than_the_signed_one_is_never_parsed() -> None:
    with pytest.raises(Refused, match="damaged"):
        read_header(TOLD.encode() + b" ", prelude_for(TOLD.encode()))


@pytest.mark.parametrize(
    ("version", "patterns", "does"),
    [
        ("1.2.3.4", ("1.2.3.4",), True),
        ("1.2.3.4", ("1.2.*",), True),
        ("1.20.3.4", ("1.2.*",), False),
        ("1.2.3.40", ("1.2.3.4",), False),
        ("2.0.0.0", ("1.*", "2.0.0.*"), True),
        ("1.2.3.4", (), False),
    ],
)
def test_fits(version: str, patterns: tuple[str, ...], does: bool) -> None:
    assert container.fits(version, patterns) is does
