"""The computer: room and health of its storage, memory, temperature, voltage; certificates."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import datetime
from pathlib import Path

from chargepoint.messages import Finding, ReadCertificates, ReadJournal, WebState
from chargepoint.room import room as room_of
from diag.checks.look import Look, failed, not_fitted, passed, skipped, warning

MIB = 1 << 20
TRIAL_BYTES = 64 << 10
SLOW_MS = 2000.0
WARN_LIFE_PCT, BAD_LIFE_PCT = 80, 100
LEAST_MEMORY_PCT = 8.0
HOT_C, TOO_HOT_C = 75.0, 85.0
PRE_END = {1: "", 2: "80", 3: "90"}
"""pre_eol_info of JEDEC eMMC 5.0: normal, warning, urgent (parts of the reserve that are used, %)."""
BLOCKS_SKIPPED = ("loop", "ram", "zram", "sr", "dm-")


async def room(look: Look) -> list[Finding]:
    """Free space against the floor below which logs go, and that for new versions."""
    free = await asyncio.to_thread(_free, look.data)
    floor = look.settings.logs.disk_floor_mib
    pct = look.settings.update.disk_floor_pct
    if free[0] < floor * MIB:
        return [failed("disk_low", free=free[0] // MIB, floor=floor)]
    if free[0] * 100 < pct * free[1]:
        return [warning("disk_short", free=free[0] // MIB, pct=pct)]
    return [passed()]


def _free(folder: Path) -> tuple[int, int]:
    return room_of(folder)


async def writing(look: Look) -> list[Finding]:
    """A small file is written, made durable, read back and removed."""
    try:
        took_ms = await asyncio.to_thread(_write, look.data / "write-test")
    except OSError as error:
        return [failed("write_failed", error=error.strerror or str(error))]
    if took_ms is None:
        return [failed("write_differs")]
    return [warning("write_slow", ms=round(took_ms))] if took_ms > SLOW_MS else [passed()]


def _write(path: Path) -> float | None:
    content = os.urandom(TRIAL_BYTES)
    begun_s = time.monotonic()
    try:
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        took_ms = 1000 * (time.monotonic() - begun_s)
        return took_ms if path.read_bytes() == content else None
    finally:
        path.unlink(missing_ok=True)


async def flash(look: Look) -> list[Finding]:
    """How much of the life of an eMMC is used, by its own account (EXT_CSD 267 to 269)."""
    found = []
    for block in blocks(look.sys):
        life = life_pct(block)
        if life is None:
            continue
        subject = f"disk/{block.name}"
        used = PRE_END.get(_number(block / "device/pre_eol_info") or 1, "90")
        if life >= WARN_LIFE_PCT or used:
            is_bad = life >= BAD_LIFE_PCT or used == "90"
            found.append((failed if is_bad else warning)("flash_worn", subject, life=life))
        else:
            found.append(passed(subject, "flash", life=life))
    return found or [not_fitted()]


def blocks(sys: Path) -> list[Path]:
    try:
        names = sorted(each.name for each in (sys / "block").iterdir())
    except OSError:
        return []
    return [sys / "block" / name for name in names if not name.startswith(BLOCKS_SKIPPED)]


def life_pct(block: Path) -> int | None:
    """Life used in steps of ten per cent (the worse of both kinds of cells), None: it does not say."""
    try:
        steps = [int(word, 16) for word in (block / "device/life_time").read_text(encoding="ascii").split()[:2]]
    except (OSError, ValueError):
        return None
    told = [each for each in steps if 0 < each <= 11]
    return 10 * max(told) if told else None


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii").strip(), 0)
    except (OSError, ValueError):
        return None


async def journal(look: Look) -> list[Finding]:
    """Whether the station found its own records damaged (it then went on with a copy or anew)."""
    told = await look.ask("station", ReadJournal(event_types=("STORAGE",), text="Damaged", before_seq=0, limit=1))
    return [warning("records_damaged")] if told.rows else [passed()]


async def memory(look: Look) -> list[Finding]:
    found: dict[str, int] = {}
    try:
        for line in (look.proc / "meminfo").read_text(encoding="ascii").splitlines():
            name, _, amount = line.partition(":")
            if name in ("MemTotal", "MemAvailable"):
                found[name] = int(amount.split()[0])
    except (OSError, ValueError, IndexError):
        pass
    total, free = found.get("MemTotal", 0), found.get("MemAvailable", 0)
    if not total:
        return [skipped("not_told")]
    if 100.0 * free / total < LEAST_MEMORY_PCT:
        return [warning("memory_short", free=free // 1024, total=total // 1024)]
    return [passed()]


async def heat(look: Look) -> list[Finding]:
    hottest: float | None = None
    for zone in sorted((look.sys / "class/thermal").glob("thermal_zone*"))[:16]:
        milli = _number(zone / "temp")
        if milli is not None and -50_000 < milli < 200_000:
            hottest = max(milli / 1000, -100.0 if hottest is None else hottest)
    if hottest is None:
        return [not_fitted()]
    if hottest > HOT_C:
        return [(failed if hottest > TOO_HOT_C else warning)("cpu_hot", value=round(hottest))]
    return [passed("", "cpu", value=round(hottest))]


async def voltage(look: Look) -> list[Finding]:
    """The alarm that the kernel of a Raspberry Pi raises when its supply falls below 4.63 V (rpi_volt)."""
    alarms = [_number(each) for each in sorted((look.sys / "class/hwmon").glob("hwmon*/in0_lcrit_alarm"))[:8]]
    told = [each for each in alarms if each is not None]
    if not told:
        return [not_fitted()]
    return [failed("undervoltage")] if any(told) else [passed()]


async def certificates(look: Look) -> list[Finding]:
    """Those of the link to the central system."""
    told = await look.ask("ocpp", ReadCertificates(), 8.0)
    used = [row for row in told.rows if row.use in ("own", "root", "file_root", "maker_root", "chain")]
    if not used:
        return [not_fitted()]
    if look.now is None:
        return [skipped("clock_unknown")]
    found = [
        _ends(look, look.now, row.ends_at, _common(row.subject), f"certificate/{row.fingerprint[:16]}") for row in used
    ]
    bad = [each for each in found if each is not None]
    return bad or [passed()]


async def web_certificate(look: Look) -> list[Finding]:
    state = look.state("web", WebState)
    if state is None or state.certificate_ends_at is None:
        return [not_fitted()]
    if look.now is None:
        return [skipped("clock_unknown")]
    return [_ends(look, look.now, state.certificate_ends_at, "web", "web") or passed("web")]


def _ends(look: Look, now: datetime, at: datetime, name: str, subject: str) -> Finding | None:
    days = (at - now).days
    if days < 0:
        return failed("certificate_ended", subject, name=name, days=-days)
    if days < look.settings.housekeeping.certificate_warning_days:
        return warning("certificate_ends", subject, name=name, days=days)
    return None


def _common(subject: str) -> str:
    """The name in a subject (`CN=...`), else all of it."""
    for part in subject.split(","):
        if part.strip().startswith("CN="):
            return part.strip()[3:][:60]
    return subject[:60]
