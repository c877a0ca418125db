"""When a certificate of the station is asked for, and how often: against a central system that is a function."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509 as library

from chargepoint.storage.database import Database
from ocpp_client import x509
from ocpp_client.facts import Facts
from ocpp_client.key_store import KeyStore
from ocpp_client.rpc import LinkLost, NoAnswer, Refused
from ocpp_client.tables import MIGRATIONS
from ocpp_client.v16.certificate_renewal import Renewal
from ocpp_client.v16.configuration import Configuration
from tests.ocpp_client.pki import CPO, SERIAL, pki
from tests.ocpp_client.rig import NOW, rig_clock

DAY_S = 86_400.0
ACCEPTED, REJECTED = {"status": "Accepted"}, {"status": "Rejected"}


class FakeRpc:
    """Answers SignCertificate with what `answers` gives in turn, then with `answer`."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.answer: Any = ACCEPTED
        self.csrs: list[str] = []
        self.asked_s: list[float] = []

    async def call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        assert action == "SignCertificate"
        self.csrs.append(payload["csr"])
        self.asked_s.append(asyncio.get_running_loop().time())
        answer = self.answers.pop(0) if self.answers else self.answer
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    @property
    def keys(self) -> set[bytes]:
        return {x509.public_bytes(library.load_pem_x509_csr(one.encode()).public_key()) for one in self.csrs}


class Bench:
    """A renewal on its own; `boot` begins it, also again, with what is on record."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = rig_clock()
        self.rpc = FakeRpc()
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.failures: list[str] = []
        self.links = 0
        self.configuration = Configuration({"CpoName": CPO}, {})
        self._database: Database | None = None
        self._task: asyncio.Task[None] | None = None

    async def boot(self, before: Callable[[KeyStore], None] = lambda store: None) -> None:
        await self.end()
        self._database = await Database.open(self.folder / "ocpp.db", MIGRATIONS, self.clock)
        self.store = await KeyStore.load(self._database, self.clock)
        self.store.on_change = self._linked
        before(self.store)
        self.renewal = Renewal(
            key_store=self.store,
            facts=await Facts.load(self._database),
            clock=self.clock,
            rpc=self.rpc,  # type: ignore[arg-type]
            configuration=self.configuration,
            is_open=self.is_open,
            common_name=SERIAL,
            note=lambda *_: None,
            failed=lambda action, connector, text: self.failures.append(text),
        )
        self._task = asyncio.create_task(self.renewal.run())

    def _linked(self) -> None:
        self.links += 1

    async def give(self, **wrong: Any) -> None:
        """The certificate for the last request comes."""
        key = self.store.pending_key
        assert key is not None
        await self.store.take(pki().intermediate.sign(self.rpc.csrs[-1], **wrong).chain_pem, key)
        self.renewal.taken()
        self.renewal.use()

    async def end(self) -> None:
        if self._task is not None and self._database is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            await self._database.close()


@asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[Bench]:
    one = Bench(folder)
    try:
        yield one
    finally:
        await one.end()


def ends_in(days: float) -> Callable[[KeyStore], None]:
    """The first pair: of a lifetime of 400 days."""
    end = NOW + timedelta(days=days)
    issued = pki().intermediate.station(SERIAL, CPO, valid_from=end - timedelta(days=400), valid_to=end)
    return lambda store: store.use_first(issued.key_pem, issued.chain_pem)


# ------------------------------------------------------------------------------------------------------------ repeats


@pytest.mark.ocpp("A03-retry")
@pytest.mark.parametrize("fault", [NoAnswer("silence"), LinkLost("gone"), Refused("InternalError", "")])
async def test_without_answer_the_same_request_is_repeated(tmp_path: Path, fault: Exception) -> None:
    async with bench(tmp_path) as one:
        await one.boot()
        one.rpc.answers = [fault, fault]
        await one.renewal.renew()
        await asyncio.sleep(200)
        assert [later - earlier for earlier, later in pairwise(one.rpc.asked_s)] == pytest.approx([30, 60])
        assert len(one.rpc.keys) == 1
        await one.give()
        await asyncio.sleep(DAY_S)
        assert len(one.rpc.csrs) == 3 and one.failures == []


async def test_a_repeat_waits_for_the_link(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        await one.boot()
        one.rpc.answers = [LinkLost("gone")]
        one.is_open.clear()
        await one.renewal.renew()
        await asyncio.sleep(DAY_S)
        assert len(one.rpc.csrs) == 1
        one.is_open.set()
        await asyncio.sleep(1)
        assert len(one.rpc.csrs) == 2


async def test_without_a_certificate_the_request_is_repeated_a_few_times(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        await one.boot()
        await one.renewal.renew()
        await asyncio.sleep(DAY_S)
        assert [later - earlier for earlier, later in pairwise(one.rpc.asked_s)] == pytest.approx(
            [600, 1200, 2400, 4800]
        )
        assert len(one.failures) == 1 and len(one.rpc.keys) == 1
        await one.give()
        assert one.store.own() is not None, "a late one is as good"


@pytest.mark.parametrize("answer", [REJECTED, Refused("NotImplemented", ""), Refused("NotSupported", "")])
async def test_a_request_that_is_refused_is_not_repeated(tmp_path: Path, answer: Any) -> None:
    async with bench(tmp_path) as one:
        await one.boot()
        one.rpc.answer = answer
        await one.renewal.renew()
        await asyncio.sleep(DAY_S)
        assert len(one.rpc.csrs) == 1 and one.store.pending_key is None and len(one.failures) == 1


@pytest.mark.ocpp("A02-key-pair")
async def test_each_wish_has_a_key_of_its_own_but_a_flood_has_one(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        await one.boot()
        for _ in range(10):
            await one.renewal.renew()
        assert len(one.rpc.csrs) == 10 and len(one.rpc.keys) == 1
        await asyncio.sleep(11)
        await one.renewal.renew()
        assert len(one.rpc.keys) == 2


# ------------------------------------------------------------------------------------------------------------ in time


@pytest.mark.ocpp("A03-renew")
async def test_a_certificate_is_renewed_thirty_days_before_its_end(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        await one.boot(ends_in(40))
        await asyncio.sleep(9.9 * DAY_S)
        assert one.rpc.csrs == []
        since_s = asyncio.get_running_loop().time()
        while not one.rpc.keys:  # within a day of chance and an hour between two looks
            await asyncio.sleep(600)
        assert asyncio.get_running_loop().time() - since_s < 1.2 * DAY_S
        await one.give()
        asked = len(one.rpc.csrs)
        await asyncio.sleep(60 * DAY_S)
        assert len(one.rpc.csrs) == asked


async def test_what_is_refused_is_asked_for_again_once_a_day_also_over_restarts(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        one.rpc.answer = REJECTED
        for _ in range(20):
            await one.boot(ends_in(10))
            await asyncio.sleep(0.2 * DAY_S)
        await asyncio.sleep(30 * DAY_S)
        gaps = [later - earlier for earlier, later in pairwise(one.rpc.asked_s)]
        assert 30 <= len(gaps) <= 34 and min(gaps) >= DAY_S - 1 and len(one.rpc.keys) == len(gaps) + 1


async def test_without_a_link_or_a_known_time_nothing_is_asked_for(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        one.clock.source = "unset"
        await one.boot(ends_in(1))
        await asyncio.sleep(2 * DAY_S)
        one.clock.source = "server"
        one.is_open.clear()
        await asyncio.sleep(2 * DAY_S)
        assert one.rpc.csrs == []
        one.is_open.set()
        await asyncio.sleep(DAY_S)
        assert len(one.rpc.keys) == 1


async def test_a_station_without_a_certificate_asks_for_none_by_itself(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        await one.boot()
        await asyncio.sleep(90 * DAY_S)
        assert one.rpc.csrs == []


@pytest.mark.ocpp("A02-switch")
@pytest.mark.parametrize(("profile", "links"), [("2", 0), ("3", 1)])
async def test_a_certificate_that_begins_later_is_used_from_then_on(tmp_path: Path, profile: str, links: int) -> None:
    async with bench(tmp_path) as one:
        one.configuration.set_for_now("SecurityProfile", profile)
        await one.boot(ends_in(100))
        old = one.store.own()
        await one.renewal.renew()
        await one.give(valid_from=NOW + timedelta(hours=10))
        await asyncio.sleep(9.9 * 3600)
        assert one.links == 0 and one.store.own() == old
        await asyncio.sleep(0.2 * 3600)
        assert one.links == links and one.store.own() != old


@pytest.mark.parametrize(("profile", "links"), [("2", 0), ("3", 1)])
async def test_a_new_link_is_made_where_the_link_shows_a_certificate(tmp_path: Path, profile: str, links: int) -> None:
    async with bench(tmp_path) as one:
        one.configuration.set_for_now("SecurityProfile", profile)
        await one.boot()
        await one.renewal.renew()
        await one.give()
        assert one.links == links
