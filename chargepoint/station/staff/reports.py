"""Reports of test sessions on disk: one JSON file each, in `tests/` of the station's folder; the oldest go."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from chargepoint import whole_file
from chargepoint.messages import TestReport

log = logging.getLogger(__name__)

MOST_REPORTS = 200


class Reports:
    """A folder of them. Small files and few: read when asked, written durably."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def numbers(self) -> list[int]:
        """Those there are, newest first."""
        if not self._folder.is_dir():
            return []
        names = (path.stem for path in self._folder.glob("*.json"))
        return sorted((int(name) for name in names if name.isascii() and name.isdigit()), reverse=True)

    def read(self, number: int) -> TestReport | None:
        """One report; None where there is none that can be read."""
        try:
            return msgspec.json.decode((self._folder / f"{number:06}.json").read_bytes(), type=TestReport)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            log.warning("the report of test %d cannot be read: %s", number, error)
            return None

    def keep(self, report: TestReport) -> TestReport:
        """With its number, durable when this returns. Raises OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        numbers = self.numbers()
        report = msgspec.structs.replace(report, number=(numbers[0] if numbers else 0) + 1)
        path = self._folder / f"{report.number:06}.json"
        whole_file.write(path, msgspec.json.format(msgspec.json.encode(report), indent=1))
        for old in numbers[MOST_REPORTS - 1 :]:
            (self._folder / f"{old:06}.json").unlink(missing_ok=True)
        return report
