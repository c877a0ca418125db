"""Sharing and switching as lines of JSON (docs/power.md)."""
