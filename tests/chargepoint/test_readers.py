"""What is not for every service reaches its readers only (S24): the table of readers, walked."""

from __future__ import annotations

import asyncio

import pytest

from chargepoint import frames
from chargepoint.bus import Bus
from chargepoint.exchange import TOPICS, Exchange
from chargepoint.messages import (
    EVERYBODY,
    READERS,
    SENDERS,
    CardSeen,
    Event,
    OcppFrame,
    SecurityNoted,
    SettingsState,
    State,
    User,
    UsersState,
    leaves,
)
from chargepoint.one_process import in_process_bus
from chargepoint.vocabulary import Role

CLOSED_EVENTS = sorted((t for t in READERS if issubclass(t, Event)), key=lambda t: t.__name__)
CLOSED_STATES = sorted((t for t in READERS if issubclass(t, State)), key=lambda t: t.__name__)
HOUSE = sorted(EVERYBODY - {"hub"})


class Noting(Exchange):
    """Remembers what was refused."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals: list[tuple[str, str]] = []
        self.on_refusal = lambda name, kind, _text: self.refusals.append((name, kind))


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0.001)


def test_what_carries_card_numbers_users_or_frames_is_closed() -> None:
    assert {UsersState, SettingsState, OcppFrame, SecurityNoted, CardSeen} <= set(READERS)
    for kind in READERS:
        assert issubclass(kind, Event | State), "who may ask is said by SENDERS"
        assert READERS[kind] <= EVERYBODY
        assert READERS[kind] < EVERYBODY


def test_every_closed_state_has_its_place_so_that_it_cannot_be_told_elsewhere() -> None:
    assert set(CLOSED_STATES) <= set(TOPICS)


def test_every_state_and_event_with_a_card_a_user_or_a_secret_is_closed() -> None:
    telling = {"uid", "id_tag", "card", "users", "password", "pin"}
    for base in (Event, State):
        for kind in leaves(base):
            if kind in SENDERS and telling & set(kind.__struct_fields__):
                assert kind in READERS, kind.__name__


@pytest.mark.parametrize("kind", CLOSED_EVENTS, ids=lambda kind: kind.__name__)
async def test_a_closed_event_is_refused_to_all_but_its_readers(kind: type[Event]) -> None:
    exchange = Noting()
    async with in_process_bus(*HOUSE, exchange=exchange) as buses:
        for name, bus in buses.items():
            if name in READERS[kind]:
                bus.subscribe(kind).close()
                continue
            with pytest.raises(PermissionError, match=f"{name} may not listen to {kind.__name__}"):
                bus.subscribe(kind)
            bus._outbox.put(frames.pack(frames.Subscribe((kind.__name__,))))  # somebody else's program
        await settled()
        others = [name for name in HOUSE if name not in READERS[kind]]
        assert set(exchange.refusals) == {(name, f"reader {kind.__name__}") for name in others}
    exchange.close()


@pytest.mark.parametrize("kind", CLOSED_STATES, ids=lambda kind: kind.__name__)
async def test_a_watch_of_nothing_but_a_closed_state_is_refused(kind: type[State]) -> None:
    exchange = Noting()
    async with in_process_bus(*HOUSE, exchange=exchange) as buses:
        for bus in buses.values():
            bus.watch(TOPICS[kind])
        await settled()
        others = [name for name in HOUSE if name not in READERS[kind]]
        assert set(exchange.refusals) == {(name, f"reader {kind.__name__}") for name in others}
    exchange.close()


async def test_users_and_settings_reach_their_readers_only_whenever_these_begin_to_listen() -> None:
    state = UsersState(users=(User("boris", Role.TECHNIK, cards=("04A2B3C4",)),))
    async with in_process_bus("hub", *HOUSE) as buses:
        early = {name: buses[name].watch("") for name in HOUSE}
        await settled()
        buses["hub"].set_state("users", state)
        buses["hub"].set_state("settings", SettingsState(values={"access.white": "04A2B3C4"}))
        await settled()
        for name in HOUSE:
            late = await late_view(buses[name])
            for view in (early[name].topics(), late):
                assert ("users" in view) is (name in READERS[UsersState]), name
                assert ("settings" in view) is (name in READERS[SettingsState]), name


async def late_view(bus: Bus) -> list[str]:
    """What a watch that begins now is told."""
    view = bus.watch("s")
    users = bus.watch("u")
    await settled()
    return [*view.topics(), *users.topics()]


async def test_an_event_is_heard_by_its_readers_and_nobody_else() -> None:
    async with in_process_bus("station", "hmi", "rfid") as buses:
        heard = buses["hmi"].subscribe(CardSeen)
        buses["rfid"]._outbox.put(frames.pack(frames.Subscribe(("CardSeen",))))
        taken: list[object] = []
        buses["rfid"]._take_event = taken.append  # type: ignore[method-assign, assignment]
        buses["rfid"]._TAKE = {**buses["rfid"]._TAKE, frames.Happened: lambda _bus, frame: taken.append(frame)}  # type: ignore[misc]
        await settled()
        buses["station"].publish(CardSeen(reader="front", uid="04A2B3C4"))
        assert (await anext(heard)).uid == "04A2B3C4"
        await settled()
        assert taken == []
