"""Damaged files (fault cases P010): the journal opens, keeps the damaged file aside, and saves every readable row."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chargepoint.records import AnyEntry, Happened, TransactionStarted, TransactionStopped
from chargepoint.storage.journal import Journal
from chargepoint.vocabulary import EventType
from tests.chargepoint.storage.making import (
    SMALL,
    begin,
    cut_power,
    end,
    entries,
    happened,
    history_in,
    journal_in,
    security,
    set_clock,
    station_started,
)
from tests.conftest import run_async
from tests.variants import rest_long

PAGE = 4096
FRAME = PAGE + 24
Damage = Callable[[random.Random, Path], str]
"""Does something to the journal in a folder and says what."""


class Original:
    """A journal of some hundred entries: as it was closed in order, and as a power cut left it, the log half full."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.closed, self.cut = folder / "closed", folder / "cut"
        self.entries: dict[int, AnyEntry] = {}
        run_async(self._write, is_real=False)

    async def _write(self) -> None:
        data = self.folder / "data"
        data.mkdir()
        async with journal_in(data) as journal:
            await self._fill(journal)
            await journal._database._writer.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
            await self._fill(journal)
            page_of = await journal.read()
            while page_of.rows:
                self.entries.update((row.seq, row.entry) for row in page_of.rows)
                page_of = await journal.read(after_seq=page_of.read_to)
            cut_power(data, self.cut)
        shutil.copytree(data, self.closed)

    async def _fill(self, journal: Journal) -> None:
        await journal.append(station_started())
        for number in range(40):
            record = await begin(journal)
            await journal.append(*(happened(f"{number} {part} " + "x" * 100, record.session_id) for part in range(4)))
            await journal.append(security(f"{number} " + "y" * (6000 if number == 20 else 50)))
            await asyncio.sleep(60)
            if number % 10 != 9:
                await end(journal, record)
            async with journal.transaction() as tx:
                tx.set_fact(f"fact.{number}", b"value" * number)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Original]:
    yield Original(tmp_path_factory.mktemp("original"))


def flip(path: Path, chance: random.Random, begin_at: int = 0, end_at: int | None = None) -> int:
    data = bytearray(path.read_bytes())
    at = chance.randrange(begin_at, min(end_at or len(data), len(data)))
    data[at] ^= 1 << chance.randrange(8)
    path.write_bytes(data)
    return at


def truncate(chance: random.Random, folder: Path) -> str:
    path = folder / "journal.db"
    size = chance.randrange(path.stat().st_size)
    with path.open("r+b") as file:
        file.truncate(size)
    return f"cut to {size}"


def empty(chance: random.Random, folder: Path) -> str:
    (folder / "journal.db").write_bytes(b"")
    return "emptied"


def delete(chance: random.Random, folder: Path) -> str:
    (folder / "journal.db").unlink()
    return "deleted"


def zero_page(chance: random.Random, folder: Path) -> str:
    data = bytearray((folder / "journal.db").read_bytes())
    number = chance.randrange(len(data) // PAGE)
    data[number * PAGE : (number + 1) * PAGE] = bytes(PAGE)
    (folder / "journal.db").write_bytes(data)
    return f"page {number + 1} zero"


def zero_first_page(chance: random.Random, folder: Path) -> str:
    data = bytearray((folder / "journal.db").read_bytes())
    data[:PAGE] = bytes(PAGE)
    (folder / "journal.db").write_bytes(data)
    return "page 1 zero"


def flip_header(chance: random.Random, folder: Path) -> str:
    return f"header bit at {flip(folder / 'journal.db', chance, 0, 100)}"


def flip_anywhere(chance: random.Random, folder: Path) -> str:
    return f"bit at {flip(folder / 'journal.db', chance)}"


def flip_many(chance: random.Random, folder: Path) -> str:
    return f"bits at {[flip(folder / 'journal.db', chance) for _ in range(50)]}"[:60]


def random_sector(chance: random.Random, folder: Path) -> str:
    data = bytearray((folder / "journal.db").read_bytes())
    at = chance.randrange(len(data) // 512) * 512
    data[at : at + 512] = chance.randbytes(512)
    (folder / "journal.db").write_bytes(data)
    return f"noise at {at}"


def all_noise(chance: random.Random, folder: Path) -> str:
    (folder / "journal.db").write_bytes(chance.randbytes(20 * PAGE))
    return "all noise"


def delete_log(chance: random.Random, folder: Path) -> str:
    (folder / "journal.db-wal").unlink()
    return "log deleted"


def flip_log(chance: random.Random, folder: Path) -> str:
    size = (folder / "journal.db-wal").stat().st_size
    return f"log bit at {flip(folder / 'journal.db-wal', chance, 32, size - 12 * FRAME)}"


def flip_log_header(chance: random.Random, folder: Path) -> str:
    return f"log header bit at {flip(folder / 'journal.db-wal', chance, 0, 32)}"


def zero_log_page(chance: random.Random, folder: Path) -> str:
    data = bytearray((folder / "journal.db-wal").read_bytes())
    at = chance.randrange((len(data) - 12 * FRAME) // PAGE) * PAGE
    data[at : at + PAGE] = bytes(PAGE)
    (folder / "journal.db-wal").write_bytes(data)
    return f"log zero at {at}"


def truncate_log(chance: random.Random, folder: Path) -> str:
    path = folder / "journal.db-wal"
    size = chance.randrange(path.stat().st_size)
    with path.open("r+b") as file:
        file.truncate(size)
    return f"log cut to {size}"


OF_THE_FILE: tuple[Damage, ...] = (
    truncate, empty, delete, zero_page, zero_first_page, flip_header, flip_anywhere, flip_many, random_sector,
    all_noise,
)  # fmt: skip
OF_THE_LOG: tuple[Damage, ...] = (delete_log, flip_log, flip_log_header, zero_log_page, truncate_log)


async def check(original: Original, folder: Path, what: str) -> float:
    """Everything that must hold after any damage; the part of the entries that is still there."""
    looked_like = {path.name: path.read_bytes() for path in folder.glob("journal.db*") if path.suffix != ".lock"}
    async with journal_in(folder, set_clock("boot-2")) as journal:
        damage, is_kept = journal.damage, list(folder.glob("journal.db.damaged-*"))
        assert not is_kept or damage, what
        assert is_kept or not damage or "journal.db" not in looked_like or "the fact" in damage or "records" in damage
        found: dict[int, AnyEntry] = {}
        page = await journal.read()
        while page.rows:
            found.update((row.seq, row.entry) for row in page.rows)
            page = await journal.read(after_seq=page.read_to)
        shown_damaged = set()
        for seq, entry in list(found.items()):
            if isinstance(entry, Happened) and entry.event_type is EventType.STORAGE:
                shown_damaged.add(seq)
                del found[seq]
        for seq, entry in found.items():
            assert entry == original.entries[seq], f"{what}: entry {seq} is {entry}"
        lost = set(original.entries) - set(found) - shown_damaged
        if lost and not damage:  # only a log that ends early looks like one in which nothing more was written
            assert what.startswith("log cut") and min(lost) > max(found), (what, lost)
        sessions = await journal.sessions(limit=500)
        assert all(session.session_id in original.entries for session in sessions)
        seq = await journal.append(happened("goes on"))
        assert seq > max(original.entries) or not damage
        if damage:
            assert "journal.db" in damage and any(name.name.startswith("journal.db") for name in folder.iterdir())
    for aside in is_kept:  # kept as it was found, its log too
        for end_of in ("", "-wal"):
            if aside.name.endswith(("-wal", "-shm")):
                continue
            kept, was = aside.with_name(aside.name + end_of), looked_like.get(f"journal.db{end_of}")
            assert (kept.read_bytes() if kept.exists() else b"") == (was or b""), what
    async with journal_in(folder, set_clock("boot-3")) as journal:
        assert not journal.damage, what
        assert (await journal.read(after_seq=seq - 1)).rows[0].entry == happened("goes on")
    return len(found) / len(original.entries)


@pytest.mark.parametrize("seed", rest_long(range(3)))
@pytest.mark.parametrize("damage", OF_THE_FILE, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("ended", ["closed", "cut"])
def test_a_damaged_file(original: Original, tmp_path: Path, damage: Damage, ended: str, seed: int) -> None:
    run_damage(original, tmp_path / "data", damage, ended, seed)


@pytest.mark.parametrize("seed", rest_long(range(3)))
@pytest.mark.parametrize("damage", OF_THE_LOG, ids=lambda damage: damage.__name__)
def test_a_damaged_log(original: Original, tmp_path: Path, damage: Damage, seed: int) -> None:
    run_damage(original, tmp_path / "data", damage, "cut", seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(200))
def test_random_damage(original: Original, tmp_path: Path, seed: int) -> None:
    chance = random.Random(f"random damage {seed}")
    ended = chance.choice(["closed", "cut"])
    damage = chance.choice([*OF_THE_FILE, *OF_THE_LOG] if ended == "cut" else OF_THE_FILE)
    run_damage(original, tmp_path / "data", damage, ended, seed + 1000)


def run_damage(original: Original, folder: Path, damage: Damage, ended: str, seed: int) -> float:
    shutil.copytree(original.closed if ended == "closed" else original.cut, folder, copy_function=shutil.copy2)
    what = damage(random.Random(f"{damage.__name__} {seed}"), folder)
    saved: list[float] = []

    async def run() -> None:
        saved.append(await check(original, folder, what))

    run_async(run, is_real=False)
    return saved[0]


@pytest.mark.parametrize(
    ("damage", "ended", "at_least"),
    [
        (zero_page, "closed", 0.85),
        (zero_first_page, "closed", 0.95),
        (flip_header, "closed", 1.0),
        (flip_anywhere, "closed", 0.99),
        (delete_log, "cut", 0.4),
        (flip_log, "cut", 0.85),
        (flip_log_header, "cut", 0.95),
        (delete, "cut", 0.4),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_how_much_is_saved(original: Original, tmp_path: Path, damage: Damage, ended: str, at_least: float) -> None:
    assert run_damage(original, tmp_path / "data", damage, ended, 77) >= at_least


async def test_an_undamaged_file_is_opened_as_it_is(original: Original, tmp_path: Path) -> None:
    for ended in (original.closed, original.cut):
        folder = tmp_path / ended.name
        shutil.copytree(ended, folder)
        async with journal_in(folder, set_clock("boot-2")) as journal:
            assert journal.damage == "" and len(await entries(journal)) == len(original.entries)
            assert len(await journal.unfinished()) == 8
            assert await journal.fact("fact.39") == b"value" * 39
        assert list(folder.glob("*damaged*")) == []


async def test_unfinished_transactions_survive_the_loss_of_the_first_page(original: Original, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(original.cut, folder)
    zero_first_page(random.Random(1), folder)
    (folder / "journal.db-wal").unlink()
    async with journal_in(folder, set_clock("boot-2")) as journal:
        assert len(await journal.unfinished()) == 4
        kinds = [type(entry) for entry in await entries(journal)]
        assert kinds.count(TransactionStarted) == 40 and kinds.count(TransactionStopped) == 36
        assert len(await journal.facts("fact.")) == 40
        assert "missing" in journal.damage


async def test_a_salvage_cut_off_half_way_is_done_again(original: Original, tmp_path: Path) -> None:
    """The power goes again at each step of replacing the damaged file."""
    reference = tmp_path / "reference"
    shutil.copytree(original.closed, reference)
    zero_first_page(random.Random(1), reference)
    renames: list[Path] = []
    rename = Path.rename

    def counted(path: Path, target: Path) -> Path:
        renames.append(path)
        if len(renames) >= stop_at:
            raise OSError(5, "power cut")
        return rename(path, target)

    for stop_at in range(1, 10):
        folder = tmp_path / str(stop_at)
        shutil.copytree(reference, folder)
        renames.clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Path, "rename", counted)
            try:
                async with journal_in(folder, set_clock("boot-2")):
                    pass
                break
            except Exception as error:
                assert "power cut" in str(error)
        async with journal_in(folder, set_clock("boot-3")) as journal:
            assert journal.damage
            found = [entry for entry in await entries(journal) if entry in original.entries.values()]
            assert len(found) > 0.95 * len(original.entries)
            assert len(list(folder.glob("journal.db.damaged-*"))) >= 1
    assert stop_at > 3


async def test_a_damaged_history_never_gives_a_number_again(tmp_path: Path) -> None:
    from chargepoint.storage.history import CEILING_STEP

    clock = set_clock()
    async with history_in(tmp_path, clock) as history:
        for _ in range(50):
            history.add_sample(1, 1, clock.moment(), (), 1)
        await history.flush()
    data = bytearray((tmp_path / "history.db").read_bytes())
    data[:PAGE] = bytes(PAGE)
    (tmp_path / "history.db").write_bytes(data)
    async with history_in(tmp_path, clock, SMALL) as history:
        assert history.damage and history.last_number >= CEILING_STEP
        assert len(await history.samples()) == 50
