"""Text to frames and back; whatever comes, decode gives a frame or raises BadFrame."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_client.frames import BadFrame, Call, CallError, CallResult, Frame, decode, encode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "frame",
    [
        Call("1", "Heartbeat", {}),
        Call("x" * 36, "DataTransfer", {"vendorId": "ж", "data": 'a"b'}),
        CallResult("2", {"currentTime": "2026-01-01T00:00:00Z"}),
        CallError("3", "InternalError", "text", {"why": 1}),
    ],
)
def test_a_frame_survives_the_wire(frame: Frame) -> None:
    assert decode(encode(frame)) == frame


@pytest.mark.parametrize(
    ("text", "call_id"),
    [
        ("", None),
        ("hello", None),
        ("{}", None),
        ("[]", None),
        ("null", None),
        ("[2]", None),
        ('[5,"1","Heartbeat",{}]', None),
        ('["2","1","Heartbeat",{}]', None),
        ('[true,"1","Heartbeat",{}]', None),
        ('[2,1,"Heartbeat",{}]', None),
        ('[2,"1"]', "1"),
        ('[2,"1","Heartbeat"]', "1"),
        ('[2,"1","Heartbeat",{},{}]', "1"),
        ('[2,"1",7,{}]', "1"),
        ('[2,"1","Heartbeat",[]]', "1"),
        ('[2,"1","Heartbeat",null]', "1"),
        ('[3,"1"]', None),
        ('[3,"1",[]]', None),
        (f'[2,"{"i" * 37}","Heartbeat",{{}}]', "i" * 37),
        (f'[2,"{"i" * 300}","Heartbeat",{{}}]', None),
        ("[" * 100_000, None),
        ('[2,"1","Heartbeat",' + '{"a":' * 50_000, "1"),
        ('[2,"1","Heartbeat",{"a":' + "[" * 40 + "]" * 40 + "}]", "1"),
        ('[2,"1","Heartbeat",{"a":1e999}]', "1"),
        ('[2,"1","Heartbeat",{"a":NaN}]', "1"),
        ('[2,"1","Heartbeat",{"a":"\\ud800"}]', "1"),
        (' [ 2 , "1" , "Heartbeat" ', "1"),
        ('[2,"a\\"b","Heartbeat",', None),
        ('[2,"1', None),
    ],
)
@pytest.mark.ocpp("J4.2-FormationViolation")
def test_what_is_no_message_is_refused_and_a_readable_id_is_kept(text: str, call_id: str | None) -> None:
    with pytest.raises(BadFrame) as refusal:
        decode(text)
    assert refusal.value.call_id == call_id


@pytest.mark.parametrize("text", ['[3,"7"]', '[3,"7",[]]', '[3,"7",{"a":NaN}]', '[4,"7",', '[3,"7",' + "[" * 50_000])
def test_an_answer_that_cannot_be_read_still_tells_whose_it_was(text: str) -> None:
    with pytest.raises(BadFrame) as refusal:
        decode(text)
    assert (refusal.value.answer_id, refusal.value.call_id) == ("7", None)


def test_an_empty_id_and_one_of_36_characters_are_ids() -> None:
    for message_id in ("", "i" * 36):
        assert decode(f'[2,"{message_id}","Heartbeat",{{}}]') == Call(message_id, "Heartbeat", {})


def test_wide_messages_are_not_deep_ones() -> None:
    entries = [{"idTag": str(number), "idTagInfo": {"status": "Accepted"}} for number in range(500)]
    call = Call("1", "SendLocalList", {"listVersion": 1, "localAuthorizationList": entries})
    assert decode(encode(call)) == call


@pytest.mark.ocpp("J4.1-encoding")
def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(BadFrame):
        decode(b'[2,"\xff\xfe","Heartbeat",{}]')


@pytest.mark.parametrize("text", ['[4,"1"]', '[4,"1",null]', '[4,"1","Code"]', '[4,"1","Code",7,[]]'])
def test_an_incomplete_refusal_is_still_a_refusal(text: str) -> None:
    assert isinstance(decode(text), CallError)


@pytest.mark.ocpp("J4.2-error")
def test_a_long_description_is_cut_to_what_the_wire_allows() -> None:
    assert len(json.loads(encode(CallError("1", "InternalError", "x" * 400)))[3]) == 255


@given(JSON)
def test_any_json_is_a_frame_or_refused(value: object) -> None:
    with_or_without = json.dumps(value)
    try:
        decode(with_or_without)
    except BadFrame:
        return


@given(st.lists(JSON, min_size=1, max_size=6), st.sampled_from([2, 3, 4, 5, "2", None]))
def test_any_array_is_a_frame_or_refused(rest: list[object], kind: object) -> None:
    try:
        decode(json.dumps([kind, *rest]))
    except BadFrame:
        return


@given(st.binary(max_size=200))
def test_any_bytes_are_a_frame_or_refused(data: bytes) -> None:
    try:
        decode(data)
    except BadFrame:
        return
