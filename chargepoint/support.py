"""Who takes reports of security holes in this software, and until when its updates are promised (SECURITY.md).

Whoever builds a package says it (`scripts/build_deb.sh --security-contact --supported-until`); it stands in
`release.json` of the tree that runs, and so comes anew with each update of the application. Only the standard library.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

FILE = "release.json"
LARGEST_BYTES = 1 << 16
LONGEST_CONTACT = 200
SOON_DAYS = 180
"""So long before the end people are told: a successor has to be found, paid for and installed."""


@dataclass(frozen=True)
class Support:
    """`contact`: a mail address or an https address, empty: nobody was named. `until`: the last day, None: no time was
    promised."""

    contact: str = ""
    until: date | None = None

    def days_left(self, today: date) -> int | None:
        """Below 0: it is over. None: no time was promised."""
        return None if self.until is None else (self.until - today).days

    @property
    def link(self) -> str:
        """The contact as an address to follow; empty where there is none."""
        if not self.contact or self.contact.startswith("https://"):
            return self.contact
        return f"mailto:{self.contact}"


def read(tree: Path | None = None) -> Support:
    """What is promised for a tree; without one, for that which runs. What cannot be read was not promised."""
    try:
        with (Path(sys.prefix if tree is None else tree) / FILE).open("rb") as file:
            told = json.loads(file.read(LARGEST_BYTES))
        contact, until = str(told.get("security_contact", "")), str(told.get("supported_until", ""))
        shown = contact if contact.isprintable() else ""
        return Support(shown[:LONGEST_CONTACT], date.fromisoformat(until) if until else None)
    except (OSError, ValueError, AttributeError):
        return Support()
