"""Fetching over HTTP from servers that are not nice."""

from __future__ import annotations

import asyncio
import hashlib
import random
from pathlib import Path

import pytest

from fota.fetching import Job, fetch
from tests.fota.nasty import Asked, head, ranges, serving

pytestmark = pytest.mark.realtime

HERE = ("127.0.0.1",)
CONTENT = random.Random(8).randbytes(3_000_000)


def job(url: str, folder: Path, **more: object) -> Job:
    return Job(url=url, file=str(folder / "file.cpk"), allowed_hosts=HERE, **more)  # type: ignore[arg-type]


async def test_a_file_cut_again_and_again_comes_whole_in_the_end(tmp_path: Path) -> None:
    chance = random.Random(1)
    cuts = [chance.randrange(0, 450_000) for _ in range(6)]
    async with serving(ranges(CONTENT, cuts=cuts)) as server:
        wish = job(server.url(), tmp_path)
        outcomes = [await fetch(wish) for _ in cuts]
        last = await fetch(wish)
    assert [outcome.code for outcome in outcomes] == ["cut"] * 6, outcomes
    assert last.ok and last.bytes == len(CONTENT) and last.moved_bytes < len(CONTENT)
    assert (tmp_path / "file.cpk").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["file.cpk"]
