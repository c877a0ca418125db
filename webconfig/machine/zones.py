"""Time zones to choose from: those of the system's table (zone1970.tab), and UTC. Read when asked for."""

from __future__ import annotations

from pathlib import Path

TABLE = Path("/usr/share/zoneinfo")
MOST = 600


def zones(folder: Path = TABLE) -> list[str]:
    """All names, sorted; only UTC where the system has no table."""
    for name in ("zone1970.tab", "zone.tab"):
        try:
            lines = (folder / name).read_text(encoding="utf-8").splitlines()
        except OSError:
            continue
        found = {fields[2] for line in lines if not line.startswith("#") and len(fields := line.split("\t")) > 2}
        return ["UTC", *sorted(found)[:MOST]]
    return ["UTC"]
