"""The API (webconfig.md 13), one file for each subject; routes in `ROUTES`, described by their structs."""
