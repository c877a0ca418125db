"""The three messages of OCPP-J and their text: Call, CallResult, CallError. Pure; nothing here is trusted.

Source: OCPP-J 1.6, section 4. Lengths of section 4.1.4 and 4.2.3: ids 36 characters, error descriptions 255.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from chargepoint.nesting import is_deeper_than

MAX_ID = 36
MAX_READABLE_ID = 255
"""An id longer than the specification allows is still given back in the error answer, up to this length."""

MAX_DESCRIPTION = 255
MAX_DEPTH = 32
"""Lists and objects within each other; the deepest message of OCPP 1.6 has 8."""

FORMATION_VIOLATION = "FormationViolation"
GENERIC_ERROR = "GenericError"
INTERNAL_ERROR = "InternalError"
NOT_IMPLEMENTED = "NotImplemented"
NOT_SUPPORTED = "NotSupported"
OCCURENCE_VIOLATION = "OccurenceConstraintViolation"  # the specification's own spelling
PROPERTY_VIOLATION = "PropertyConstraintViolation"
TYPE_VIOLATION = "TypeConstraintViolation"

Payload = dict[str, Any]


class Call(msgspec.Struct, frozen=True):
    """A request."""

    id: str
    action: str
    payload: Payload


class CallResult(msgspec.Struct, frozen=True):
    """The answer to the request `id`."""

    id: str
    payload: Payload


class CallError(msgspec.Struct, frozen=True):
    """The refusal of the request `id`."""

    id: str
    code: str
    description: str = ""
    details: Payload = {}


Frame = Call | CallResult | CallError


class BadFrame(Exception):
    """What arrived is no message. `call_id` is set when it was a request whose id can be read: it gets `code`.

    `answer_id` is set when it was meant as the answer to that request of ours.
    """

    def __init__(self, text: str, call_id: str | None = None, answer_id: str | None = None) -> None:
        super().__init__(text)
        self.code = FORMATION_VIOLATION
        self.call_id = call_id
        self.answer_id = answer_id


_BEGINNING = re.compile(rb'\s*\[\s*([234])\s*,\s*"([^"\\\x00-\x1f]{0,255})"\s*[,\]]')
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def encode(frame: Frame) -> bytes:
    """The frame as compact JSON text in UTF-8."""
    if isinstance(frame, Call):
        return _encode((2, frame.id, frame.action, frame.payload))
    if isinstance(frame, CallResult):
        return _encode((3, frame.id, frame.payload))
    return _encode((4, frame.id, frame.code, frame.description[:MAX_DESCRIPTION], frame.details))


def decode(text: bytes | str) -> Frame:
    """The message in `text`. Raises BadFrame; no input makes it raise anything else."""
    try:
        root = _decode(text)
    except (ValueError, RecursionError) as error:
        raise _unreadable(text, f"not JSON: {str(error)[:100]}") from None
    if _may_be_deep(text) and is_deeper_than(root, MAX_DEPTH):
        raise _unreadable(text, f"more than {MAX_DEPTH} levels deep")
    if not isinstance(root, list) or len(root) < 2:
        raise BadFrame("not a JSON array of a message")
    if isinstance(root[0], bool) or root[0] not in (2, 3, 4):
        raise BadFrame("unknown message type")
    call_id = root[1]
    if not isinstance(call_id, str) or len(call_id) > MAX_READABLE_ID:
        raise BadFrame("no readable message id")
    return _READ[root[0]](root, call_id)


def _unreadable(text: bytes | str, why: str) -> BadFrame:
    """Its beginning may tell whose it is, so that nobody waits for nothing."""
    found = _BEGINNING.match(text.encode("utf-8", "replace") if isinstance(text, str) else text)
    if found is None:
        return BadFrame(why)
    message_id = found[2].decode("utf-8", "replace")
    return BadFrame(why, call_id=message_id) if found[1] == b"2" else BadFrame(why, answer_id=message_id)


def _may_be_deep(text: bytes | str) -> bool:
    """Cheap: whether there are brackets enough for it."""
    if isinstance(text, str):
        return text.count("[") + text.count("{") > MAX_DEPTH
    return text.count(b"[") + text.count(b"{") > MAX_DEPTH


def _read_call(root: list[Any], call_id: str) -> Frame:
    if len(call_id) > MAX_ID:
        raise BadFrame(f"message id longer than {MAX_ID} characters", call_id=call_id)
    if len(root) != 4:
        raise BadFrame(f"a CALL has 4 elements, this one {len(root)}", call_id=call_id)
    action, payload = root[2], root[3]
    if not isinstance(action, str):
        raise BadFrame("the action is not a text", call_id=call_id)
    if not isinstance(payload, dict):
        raise BadFrame("the payload is not a JSON object", call_id=call_id)
    return Call(call_id, action, payload)


def _read_result(root: list[Any], call_id: str) -> Frame:
    if len(root) != 3 or not isinstance(root[2], dict):
        raise BadFrame("a CALLRESULT has 3 elements, the last one a JSON object", answer_id=call_id)
    return CallResult(call_id, root[2])


def _read_error(root: list[Any], call_id: str) -> Frame:
    """Code, description and details; a server that leaves out the last ones still said no."""
    code = root[2] if len(root) > 2 and isinstance(root[2], str) else ""
    description = root[3] if len(root) > 3 and isinstance(root[3], str) else ""
    details = root[4] if len(root) > 4 and isinstance(root[4], dict) else {}
    return CallError(call_id, code[:MAX_DESCRIPTION], description[:MAX_DESCRIPTION], details)


_READ = {2: _read_call, 3: _read_result, 4: _read_error}
