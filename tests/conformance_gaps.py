"""Rules without a test of their own, each with the honest reason. A rule that has a test must not stand here."""

from __future__ import annotations

NOT_DONE: dict[str, str] = {}
