"""How deeply a document is nested, told without recursion: it is there to keep others from it. Pure."""

from __future__ import annotations

from typing import Any


def is_deeper_than(root: Any, most: int) -> bool:
    """Whether objects and lists lie in each other more than `most` deep; `root` itself counts as one."""
    level = [root] if isinstance(root, dict | list) else []
    for _ in range(most):
        level = [
            inner
            for item in level
            for inner in (item.values() if isinstance(item, dict) else item)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
