"""When a silent controller counts as open: by its lease, by a time-out of its own, or never."""

from __future__ import annotations

import asyncio
import contextlib
import math
from typing import Any, cast

import pytest

from chargepoint.clock import Clock
from chargepoint.config import ConnectorSettings
from chargepoint.records import Limit
from chargepoint.station.cabinet.guarded import GuardedController
from chargepoint.station.permission import LEASE_S, OPENS_WITHIN_S, RENEWAL_S, Permission, StartFailed
from chargepoint.vocabulary import ConnectorType, FailSafe
from drivers.errors import DeviceError, NoAnswer, Refused

SETTINGS = ConnectorSettings(
    number=1, type=ConnectorType.TYPE2, meter="m1", max_current_a=32, max_power_w=22_000, cable_current_a=32
)


class Leased:
    def __init__(self, fail_safe: FailSafe) -> None:
        self.fail_safe = fail_safe


class WithOwnTimeOut(Leased):
    def __init__(self, fail_safe: FailSafe, opens_after_s: float) -> None:
        super().__init__(fail_safe)
        self.opens_after_s = opens_after_s


class Mute(Leased):
    """It takes orders, or refuses them, and its answers are lost while `error` is set."""

    def __init__(self) -> None:
        super().__init__(FailSafe.OPENS)
        self.error: DeviceError | None = None

    async def start(self, *_args: Any, **_more: Any) -> None:
        if self.error is not None:
            raise self.error

    async def limit(self, *_args: Any) -> None:
        if self.error is not None:
            raise self.error


def behind_a_contactor(inner: Any) -> GuardedController:
    return GuardedController(inner, cast(Any, None), Clock("boot"))


@pytest.mark.parametrize(
    ("controller", "opens_s"),
    [
        (Leased(FailSafe.OPENS), OPENS_WITHIN_S),
        (WithOwnTimeOut(FailSafe.OPENS, 5.0), OPENS_WITHIN_S),
        (WithOwnTimeOut(FailSafe.OPENS, 11.0), OPENS_WITHIN_S + 6.0),
        (WithOwnTimeOut(FailSafe.SAFE_CURRENT, 5.0), math.inf),
        (WithOwnTimeOut(FailSafe.NONE, math.inf), math.inf),
        (behind_a_contactor(WithOwnTimeOut(FailSafe.NONE, math.inf)), OPENS_WITHIN_S),
        (behind_a_contactor(WithOwnTimeOut(FailSafe.OPENS, 11.0)), OPENS_WITHIN_S),
    ],
)
async def test_a_silent_controller_counts_as_open_when_it_has_opened(controller: Any, opens_s: float) -> None:
    permission = Permission(cast(Any, None), controller, Clock("boot"))
    await asyncio.sleep(min(opens_s, 1000.0) - 0.1)
    assert not permission.has_run_out
    await asyncio.sleep(0.2)
    assert permission.has_run_out is (opens_s < math.inf)


async def test_a_renewal_without_an_answer_may_have_been_heard() -> None:
    controller = Mute()
    permission = Permission(SETTINGS, cast(Any, controller), Clock("boot"))
    permission.ask_start()
    assert await permission.start(1)
    controller.error = NoAnswer("silence")
    for _ in range(10):
        await asyncio.sleep(RENEWAL_S)
        await permission.renew(0.0)
    assert not permission.holds, "nobody has confirmed it for longer than the lease"
    await asyncio.sleep(OPENS_WITHIN_S - 0.1)
    assert not permission.has_run_out, "the last renewal may have arrived"
    await asyncio.sleep(0.2)
    assert permission.has_run_out


@pytest.mark.parametrize(("error", "may_be_closed"), [(NoAnswer("silence"), True), (Refused("no"), False)])
async def test_a_start_order_without_an_answer_may_have_been_heard(error: DeviceError, may_be_closed: bool) -> None:
    controller = Mute()
    controller.error = error
    permission = Permission(SETTINGS, cast(Any, controller), Clock("boot"))
    await asyncio.sleep(100)
    permission.ask_start()
    with contextlib.suppress(DeviceError, StartFailed):
        assert not await permission.start(1)
    assert permission.has_run_out is not may_be_closed
    await asyncio.sleep(OPENS_WITHIN_S + 0.1)
    assert permission.has_run_out


async def test_nothing_holds_that_was_never_taken() -> None:
    permission = Permission(SETTINGS, cast(Any, Mute()), Clock("boot"))
    found = [permission.holds]
    permission.count_from_now()
    found.append(permission.holds)
    permission.adopt(Limit(16, 11_000, "restart"))
    found.append(permission.holds)
    await asyncio.sleep(LEASE_S + 0.1)
    assert [*found, permission.holds] == [False, False, True, False]
