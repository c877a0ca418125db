"""How a file is called on the other side. Pure."""

from __future__ import annotations


def remote_name(path: str, name: str) -> str:
    """Where a file called `name` goes: into the folder `path`, unless that ends in what looks like a file's name."""
    last = path.rpartition("/")[2]
    if not name or "." in last.strip("."):
        return path
    return f"{path.rstrip('/')}/{name}" if path.strip("/") else f"{path[:1] if path.startswith('/') else ''}{name}"


def sftp_path(path: str) -> str:
    """Of the path of an address: from the top, or from the home of the user where it begins with `/~/`."""
    return path.removeprefix("/~/") if path.startswith("/~/") else path or "/"
