"""Commands: deeds asked for at the web, with a life of their own (statuses.md 11): never "sent" for "done"."""
