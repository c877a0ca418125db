"""Anything at all over a real WebSocket: the link stays, and the next request is answered."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocpp_client import schemas
from tests.conftest import run_async
from tests.ocpp_client.fota import FakeFota
from tests.ocpp_client.rig import NAME, Rig, bench

FRAMES_EACH = 100
ANSWER_S = 60.0

WORDS: dict[str, list[Any]] = {
    "connectorId": [-1, 0, 1, 2, 99, 2**31, 2**70, "1", 1.0, None],
    "idTag": ["A", "", "x" * 20, "x" * 21, "\u0000", "😀"],
    "type": ["Soft", "Hard", "Operative", "Inoperative", "Warm"],
    "key": ["HeartbeatInterval", "Nonsense", ["HeartbeatInterval"], [], [1], "x" * 51],
    "value": ["10", "-1", "", "true", "x" * 500, "x" * 501, 7],
    "requestedMessage": ["Heartbeat", "StatusNotification", "MeterValues", "LogStatusNotification", "Nonsense"],
    "location": ["https://files.example.com/x", "http://127.0.0.1/", "file:///etc/passwd", "", "https://[::1"],
    "retrieveDate": ["2026-03-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+23:59", "tomorrow"],
    "transactionId": [0, 1, -1, 2**63, "1"],
    "vendorId": ["acme", "", "x" * 256],
    "data": ["", "x" * 10_000, {"a": 1}],
    "listVersion": [-1, 0, 1, 2**31],
    "updateType": ["Full", "Differential", "Half"],
    "localAuthorizationList": [[], [{"idTag": "A"}], [{"idTag": "A", "idTagInfo": {"status": "Accepted"}}] * 2, [None]],
    "duration": [0, 60, -1, 2**31],
    "retries": [-1, 0, 2**31],
}
"""Values on both sides of the edge, by field; other fields get any JSON."""

ACTIONS = sorted(schemas.actions())
IDS = ("", "1", "2", "i" * 36, "i" * 37, "i" * 300, "😀", 'a"b', "\\", "x")
ODD = (
    "null",
    "true",
    "-0.0",
    "1e400",
    "NaN",
    "-Infinity",
    "9" * 30,
    "9" * 5000,
    '"\\ud800"',
    '"\\u0000"',
    "[",
    "{",
    '"',
)
"""Pieces of JSON text, and of what is none."""


def anything(chance: random.Random, depth: int = 0) -> Any:
    """Some JSON value."""
    kind = chance.randrange(8 if depth < 4 else 5)
    if kind >= 5:
        count = chance.randrange(4)
        if kind == 5:
            return [anything(chance, depth + 1) for _ in range(count)]
        return {chance.choice(list(WORDS)): anything(chance, depth + 1) for _ in range(count)}
    return (None, chance.random() < 0.5, chance.randrange(-(2**66), 2**66), chance.uniform(-1e9, 1e9), text(chance))[
        kind
    ]


def text(chance: random.Random) -> str:
    return "".join(chr(chance.choice((34, 92, 65, 0, 10, 233, 0x1F600, 0x202E))) for _ in range(chance.randrange(12)))


def call(chance: random.Random) -> bytes:
    """A request, often a good one."""
    names = chance.sample(sorted(WORDS), chance.randrange(5))
    payload: Any = {n: chance.choice(WORDS[n]) if chance.random() < 0.8 else anything(chance) for n in names}
    if chance.random() < 0.1:
        payload = anything(chance)
    action = chance.choice(ACTIONS) if chance.random() < 0.95 else text(chance)
    return json.dumps([2, chance.choice(IDS), action, payload], ensure_ascii=chance.random() < 0.5).encode()


def answer(chance: random.Random) -> bytes:
    rest = [anything(chance) for _ in range(chance.randrange(4))]
    return json.dumps([chance.choice((3, 4, 5, "3")), chance.choice(IDS), *rest]).encode()


def cut(chance: random.Random) -> bytes:
    frame = call(chance)
    return frame[: chance.randrange(len(frame) + 1)]


def bent(chance: random.Random) -> bytes:
    """Some bytes are others, or odd text stands among them."""
    frame = call(chance)
    place = chance.randrange(len(frame))
    if chance.random() < 0.5:
        return frame[:place] + chance.choice(ODD).encode() + frame[place:]
    return frame[:place] + chance.randbytes(1) + frame[place + 1 :]


def deep(chance: random.Random) -> bytes:
    one, count = chance.choice((b"[", b'{"a":')), chance.choice((5, 33, 2000, 20_000))
    return b'[2,"d","DataTransfer",' + one * count


def noise(chance: random.Random) -> bytes:
    return chance.randbytes(chance.randrange(80))


MAKERS = (call, call, call, answer, cut, bent, bent, deep, noise)


def frame_of(seed: int) -> tuple[bytes, bool]:
    """A frame, and whether it is sent as text."""
    chance = random.Random(seed)
    return chance.choice(MAKERS)(chance), chance.random() < 0.75


async def survives(seeds: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with bench(Path(folder)) as rig:
            FakeFota(rig.buses["fota"])
            await rig.registered()
            link = rig.system.links[NAME]
            for seed in seeds:
                frame, is_text = frame_of(seed)
                await link.connection.send(frame, text=is_text)
                await is_answered(rig)
            assert rig.system.links[NAME] is link, "the link was lost"
            assert len(rig.system.connects) == 1
            assert [fault for fault in rig.ledger.faults() if "is no OCPP frame" in fault] == []


async def is_answered(rig: Rig) -> None:
    question = {"key": ["NumberOfConnectors"]}
    reply = await rig.system.call(NAME, "GetConfiguration", question, timeout_s=ANSWER_S)
    assert reply["configurationKey"][0]["value"] == "2"


def run(seeds: list[int]) -> None:
    run_async(lambda: survives(seeds), is_real=False)


COMMON: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}
MANY = st.lists(st.integers(min_value=0, max_value=2**48), min_size=FRAMES_EACH, max_size=FRAMES_EACH)
"""Each number makes a frame, so that a failing list shrinks to the few that matter."""


@pytest.mark.ocpp("J4.2-garbage")
@settings(max_examples=10, derandomize=True, **COMMON)
@given(MANY)
def test_after_any_frame_the_link_stays_and_a_request_is_answered(seeds: list[int]) -> None:
    run(seeds)


@pytest.mark.long
@settings(max_examples=1000, **COMMON)
@given(MANY)
def test_after_any_of_a_hundred_thousand_frames_the_link_stays(seeds: list[int]) -> None:
    run(seeds)
