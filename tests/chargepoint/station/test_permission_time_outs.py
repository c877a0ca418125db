"""When a silent controller counts as open: by its lease, by a time-out of its own, or never."""

from __future__ import annotations

import asyncio
import math
from typing import Any, cast

import pytest

from chargepoint.clock import Clock
from chargepoint.station.permission import OPENS_WITHIN_S, Permission
from chargepoint.vocabulary import FailSafe


class Leased:
    def __init__(self, fail_safe: FailSafe) -> None:
        self.fail_safe = fail_safe


class WithOwnTimeOut(Leased):
    def __init__(self, fail_safe: FailSafe, opens_after_s: float) -> None:
        super().__init__(fail_safe)
        self.opens_after_s = opens_after_s


@pytest.mark.parametrize(
    ("controller", "opens_s"),
    [
        (Leased(FailSafe.OPENS), OPENS_WITHIN_S),
        (WithOwnTimeOut(FailSafe.OPENS, 5.0), OPENS_WITHIN_S),
        (WithOwnTimeOut(FailSafe.OPENS, 11.0), OPENS_WITHIN_S + 6.0),
        (WithOwnTimeOut(FailSafe.SAFE_CURRENT, 5.0), math.inf),
        (WithOwnTimeOut(FailSafe.NONE, math.inf), math.inf),
    ],
)
async def test_a_silent_controller_counts_as_open_when_it_has_opened(controller: Any, opens_s: float) -> None:
    permission = Permission(cast(Any, None), controller, Clock("boot"))
    await asyncio.sleep(min(opens_s, 1000.0) - 0.1)
    assert not permission.has_run_out
    await asyncio.sleep(0.2)
    assert permission.has_run_out is (opens_s < math.inf)
