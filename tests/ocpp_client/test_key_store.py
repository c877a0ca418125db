"""What is kept of keys and certificates: durable at each step, and never without a set that works."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.x509 import Certificate

from chargepoint.clock import Clock
from chargepoint.storage.database import CannotRecord, Database
from ocpp_client import x509
from ocpp_client.certificate_words import Unfit
from ocpp_client.key_store import CENTRAL, HELD, MANUFACTURER, REPLACED, KeyStore, NotPending, Root
from ocpp_client.simulated_authority import Authority, Issued
from ocpp_client.tables import MIGRATIONS
from tests.ocpp_client.pki import CPO, SERIAL, pki
from tests.ocpp_client.rig import NOW, rig_clock


@asynccontextmanager
async def opened(folder: Path, clock: Clock | None = None) -> AsyncIterator[KeyStore]:
    """The store of this folder. It is not told of the end: what it wrote is what the next one finds."""
    clock = clock or rig_clock()
    database = await Database.open(folder / "ocpp.db", MIGRATIONS, clock)
    try:
        yield await KeyStore.load(database, clock)
    finally:
        await database.close()


def signed(key: bytes, **wrong: object) -> Issued:
    return pki().intermediate.sign(x509.request_for(key, SERIAL, CPO), **wrong)  # type: ignore[arg-type]


async def new_pair(store: KeyStore, **wrong: object) -> tuple[bytes, str]:
    """Asked for, signed and taken."""
    key = await store.begin()
    chain = signed(key, **wrong).chain_pem
    await store.take(chain, key)
    return key, chain


def root(authority: Authority, use: str = CENTRAL) -> Root:
    return Root(use, authority.own.certificate, authority.own.certificate)


def verified(server: Issued, anchor: Authority) -> tuple[Certificate, ...]:
    return (server.certificate, *server.issuers, anchor.own.certificate)


def state(store: KeyStore) -> tuple[object, bool, object]:
    return store.own(), store.is_on_trial, store.begins_later


# -------------------------------------------------------------------------------------------------------- own pair


@pytest.mark.ocpp("A02-switch")
async def test_after_a_crash_between_any_two_steps_there_is_a_pair_that_works(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        old = await new_pair(store)
        await store.confirm()
    async with opened(tmp_path) as store:
        assert store.own() == old
        key = await store.begin()
    async with opened(tmp_path) as store:
        assert store.own() == old and store.pending_key == key
        chain = signed(key).chain_pem
        await store.take(chain, key)
    async with opened(tmp_path) as store:
        assert store.own() == (key, chain) and store.is_on_trial and store.pending_key is None
        await store.fall_back()
    async with opened(tmp_path) as store:
        assert store.own() == old and not store.is_on_trial
        new = await new_pair(store)
    async with opened(tmp_path) as store:
        assert store.own() == new and store.is_on_trial
        await store.confirm()
    async with opened(tmp_path) as store:
        assert store.own() == new and not store.is_on_trial and len(store.pairs()) == 1


async def test_a_step_that_cannot_be_recorded_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path) as store:
        old = await new_pair(store)
        await store.confirm()
        key = await store.begin()
        await store.install(CENTRAL, root(pki().root))

        async def full(*_: object) -> None:
            raise CannotRecord("the disk is full")

        steps: list[Callable[[], Awaitable[object]]] = [
            store.begin,
            store.give_up,
            lambda: store.take(signed(key).chain_pem, key),
            lambda: store.install(CENTRAL, root(pki().other)),
            lambda: store.remove(store.installed(CENTRAL)),
        ]
        with monkeypatch.context() as patch:
            patch.setattr(Database, "write", full)
            for step in steps:
                with pytest.raises(CannotRecord):
                    await step()
        assert store.own() == old and store.pending_key == key and store.roots() == (pki().root.pem,)
        await store.take(signed(key).chain_pem, key)
        with monkeypatch.context() as patch:
            patch.setattr(Database, "write", full)
            for step in (store.confirm, store.fall_back):
                with pytest.raises(CannotRecord):
                    await step()
        assert store.is_on_trial


async def test_the_first_pair_of_all_is_kept_when_there_is_none_to_go_back_to(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        assert store.own() is None
        await store.fall_back()
        new = await new_pair(store)
        await store.fall_back()
        assert store.own() == new


@pytest.mark.ocpp("A02-switch")
async def test_a_certificate_is_used_from_the_begin_of_its_lifetime_on(tmp_path: Path) -> None:
    clock = rig_clock()
    async with opened(tmp_path, clock) as store:
        old = await new_pair(store)
        await store.confirm()
        new = await new_pair(store, valid_from=NOW + timedelta(hours=1))
        assert state(store) == (old, False, NOW + timedelta(hours=1))
        await store.confirm()
        assert state(store) == (old, False, NOW + timedelta(hours=1)), "what was not shown has not worked"
        clock.set_offset(clock.offset_s + 3601, "server")
        assert state(store) == (new, True, None)


async def test_where_the_link_shows_no_certificate_nothing_of_it_is_proved(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await new_pair(store)
        await store.confirm(is_own_shown=False)
        assert store.is_on_trial


async def test_the_pair_of_the_files_is_used_until_another_has_come_and_after_that_ran_out(tmp_path: Path) -> None:
    clock = rig_clock()
    first = pki().station
    async with opened(tmp_path, clock) as store:
        with pytest.raises(Unfit, match="not that of"):
            store.use_first(x509.new_private_key(), first.chain_pem)
        store.use_first(first.key_pem, first.chain_pem)
        assert store.own() == (first.key_pem, first.chain_pem)
        new = await new_pair(store, valid_to=NOW + timedelta(days=1))
        assert store.own() == new
        await store.fall_back()
        assert store.own() == (first.key_pem, first.chain_pem)
        new = await new_pair(store, valid_to=NOW + timedelta(days=1))
        await store.confirm()
        assert store.own() == new
        clock.set_offset(clock.offset_s + 2 * 86_400, "server")
        assert store.own() == (first.key_pem, first.chain_pem)


async def test_a_certificate_for_another_key_or_for_none_is_not_kept(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        key = x509.new_private_key()
        with pytest.raises(NotPending):
            await store.take(signed(key).chain_pem, key)
        key = await store.begin()
        with pytest.raises(Unfit, match="not that of"):
            await store.take(pki().station.chain_pem, key)
        await store.begin()
        with pytest.raises(NotPending):
            await store.take(signed(key).chain_pem, key)
        await store.give_up()
        assert store.pending_key is None and store.own() is None


# ------------------------------------------------------------------------------------------------------- secrecy


async def test_private_keys_show_nowhere_and_their_file_is_closed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "ocpp.db.damaged-20260101T000000Z").touch(mode=0o644)
    caplog.set_level(logging.DEBUG)
    async with opened(tmp_path) as store:
        key, _ = await new_pair(store)
        body = key.decode().splitlines()[1]
        shown = repr(store.own_pair()) + str(store.pairs()) + repr(store) + caplog.text
        with pytest.raises(Unfit) as caught:
            store.use_first(key, "nothing")
        assert body not in shown + str(caught.value) and "PRIVATE" not in shown
        files = list(tmp_path.glob("ocpp.db*"))
        assert {oct(path.stat().st_mode & 0o077) for path in files} == {"0o0"} and len(files) >= 4


@pytest.mark.ocpp("A02-key-pair")
async def test_each_request_has_a_key_of_its_own(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        assert await store.begin() != await store.begin()


async def test_a_damaged_row_costs_nothing_but_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with opened(tmp_path) as store:
        await store.install(CENTRAL, root(pki().root))
        old = await new_pair(store)
        await store.confirm()
        await store._database.write(
            [
                ("INSERT INTO certificates VALUES ('x', ?, 'damaged', 0)", (CENTRAL,)),
                ("INSERT INTO key_pairs VALUES ('trial', 'damaged secret', '')", ()),
            ]
        )
    async with opened(tmp_path) as store:
        assert store.own() == old and store.roots() == (pki().root.pem,)
    assert "root certificate x: it is no certificate" in caplog.text and "damaged secret" not in caplog.text


# ------------------------------------------------------------------------------------------------------------ roots


async def test_roots_outlive_a_restart_and_those_of_the_maker_are_apart(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.install(CENTRAL, root(pki().root))
        await store.install(MANUFACTURER, root(pki().root, MANUFACTURER))
        await store.install(MANUFACTURER, root(pki().other, MANUFACTURER))
    async with opened(tmp_path) as store:
        assert store.roots() == (pki().root.pem,)
        assert store.manufacturer_roots() == (pki().root.pem, pki().other.pem)
        assert len(store) == 3
        await store.remove(store.named(root(pki().root).hash_data("SHA512")))
    async with opened(tmp_path) as store:
        assert store.roots() == () and store.manufacturer_roots() == (pki().other.pem,)


@pytest.mark.ocpp("M05-fallback")
async def test_a_replaced_root_is_believed_until_a_link_was_made_with_its_successor(tmp_path: Path) -> None:
    old, new = pki().root, pki().root.below("Successor")
    successor = Root(CENTRAL, new.own.certificate, old.own.certificate)
    async with opened(tmp_path) as store:
        await store.install(CENTRAL, root(old))
        await store.install(CENTRAL, successor, store.present_roots())
    async with opened(tmp_path) as store:
        assert set(store.roots()) == {old.pem, new.pem} and len(store) == 1
        assert [one.hash_data() for one in store.present_roots()] == [successor.hash_data()], "the issuer is known on"
        store.link_chain = verified(pki().server, old)
        await store.confirm()
        assert set(store.roots()) == {old.pem, new.pem}, "the link still hangs on the old one"
        store.link_chain = verified(new.server(), old)
        await store.confirm()
    async with opened(tmp_path) as store:
        assert store.roots() == (new.pem,)


async def test_without_its_successor_a_replaced_root_is_in_force_again(tmp_path: Path) -> None:
    old, new = pki().root, pki().root.below("Successor")
    async with opened(tmp_path) as store:
        await store.install(CENTRAL, root(old))
        await store.install(CENTRAL, Root(CENTRAL, new.own.certificate, old.own.certificate), store.present_roots())
        await store.remove(store.present_roots())
    async with opened(tmp_path) as store:
        assert [one.pem for one in store.present_roots()] == [old.pem]


@pytest.mark.parametrize("kind", [CENTRAL, REPLACED])
async def test_the_root_of_the_present_link_is_needed(tmp_path: Path, kind: str) -> None:
    async with opened(tmp_path) as store:
        await store.install(CENTRAL, root(pki().root))
        await store.install(CENTRAL, root(pki().other), store.present_roots() if kind == REPLACED else ())
        used, other = (store.named(root(one).hash_data()) for one in (pki().root, pki().other))
        assert used[0].use == kind
        store.link_chain = verified(pki().server, pki().root)
        assert store.is_needed(used, has_tls=True) and not store.is_needed(other, has_tls=True)
        store.other_roots = (pki().root.pem,)
        assert not store.is_needed(used, has_tls=True)


async def test_the_last_root_is_needed_where_there_is_tls(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.install(CENTRAL, root(pki().root))
        only = store.present_roots()
        assert store.is_needed(only, has_tls=True) and not store.is_needed(only, has_tls=False)
        store.other_roots = (pki().other.pem,)
        assert not store.is_needed(only, has_tls=True)


async def test_the_first_installed_root_does_not_cut_a_link_that_the_systems_roots_vouch_for(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        store.link_chain = verified(pki().server, pki().root)
        await store.install(CENTRAL, root(pki().other))
    async with opened(tmp_path) as store:
        assert set(store.roots()) == {pki().other.pem, pki().root.pem} and len(store) == 1
        assert [one.use for one in store.named(root(pki().root).hash_data())] == [HELD]
        store.link_chain = verified(pki().server, pki().root)
        await store.confirm()
        assert len(store.roots()) == 2
        await store.remove(store.present_roots())
        assert store.roots() == (), "the system's are believed again"
        await store.install(CENTRAL, root(pki().other))
        store.link_chain = verified(pki().other_server, pki().other)
        await store.confirm()
        assert store.roots() == (pki().other.pem,)
