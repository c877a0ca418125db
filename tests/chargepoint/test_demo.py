"""The demo as a person runs it: real processes, real wires, real time."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from chargepoint.__main__ import main

END_LIMIT_S = 3.0


def test_a_wrong_server_or_station_file_is_said_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--server", "http://127.0.0.1:1"]) == 2
    assert "must begin with ws:// or wss://" in capsys.readouterr().err
    assert main(["demo", "--config", str(tmp_path / "none.toml")]) == 1
    assert "none.toml" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main(["demo", "--data", str(tmp_path / "file" / "data")]) == 2
    assert "Name a folder that you may write to" in capsys.readouterr().err
    assert main(["demo", "--picture", str(tmp_path / "none" / "demo.svg")]) == 2
    assert "there is no folder for it" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--for", "3"], ["--for", "inf"], ["--for", "x"], ["--speed", "0"], ["--scenario", "night"]]
)
def test_values_that_make_no_sense_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["demo", *arguments])
    assert refused.value.code == 2


@pytest.mark.realtime
async def test_a_short_demo_charges_balances_its_books_and_leaves_nothing_behind(tmp_path: Path) -> None:
    picture = tmp_path / "demo.svg"
    process = await _demo(tmp_path, "--for", "20", "--speed", "30", "--plain", "--picture", str(picture))
    out, _ = await process.communicate()
    text = out.decode()
    assert process.returncode == 0, text[-3000:]
    summary = {line.split()[0]: line for line in text.splitlines()[-6:]}
    assert summary["books"] == "books       balance"
    assert "0 with a transaction" not in summary["sessions"]
    assert "0 queued · 0 parked · 0 lost" in summary["messages"]
    assert "StartTransaction" in text
    drawn = picture.read_text()
    assert drawn.startswith("<svg")
    assert "CHARGING" in drawn
    assert "font-face" not in drawn
    assert _left_behind(tmp_path) == []
    assert list(tmp_path.glob("chargepoint-demo-*")) == []


@pytest.mark.realtime
async def test_ctrl_c_in_the_middle_of_charges_ends_everything_in_order_and_at_once(tmp_path: Path) -> None:
    process = await _demo(tmp_path, "--scenario", "busy", "--speed", "30", "--plain", "--data", str(tmp_path / "data"))
    assert process.stdout is not None
    said = b""
    while b"controller C6" not in said:
        line = await process.stdout.readline()
        assert line, said[-3000:]
        said += line
    reading = asyncio.create_task(process.stdout.read())
    begun_s = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 0
    assert time.monotonic() - begun_s < END_LIMIT_S
    await reading
    assert _left_behind(tmp_path) == []
    journal = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "chargepoint", "journal", "--data", str(tmp_path / "data"), "--json",
        "--kind", "TransactionStarted", "--kind", "TransactionStopped", "--limit", "500",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await journal.communicate()
    assert out.count(b"TransactionStarted") == out.count(b"TransactionStopped") > 0


async def _demo(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "chargepoint", "demo", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env={**os.environ, "TMPDIR": str(folder)},
    )  # fmt: skip


def _left_behind(folder: Path) -> list[str]:
    """Command lines of processes that still name this run's folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in words:
            found.append(words)
    return found
