"""The first-run wizard (webconfig.md 11): its steps, the limits a supply allows, the checks before a station is
activated. The page is `pages/wizard.py`."""
