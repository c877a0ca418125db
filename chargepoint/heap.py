"""Large pieces of memory go back to the system when they are let go.

glibc raises by itself the size from which memory is asked of the system, up to 32 MiB, once a large piece was freed;
from then on such pieces lie in the heap, which only grows. A fixed size saves 6 MiB of the screen after all pictures,
and 19 MiB of the hub after one password (Argon2id).
"""

from __future__ import annotations

import ctypes

M_MMAP_THRESHOLD = -3
FROM_BYTES = 128 * 1024


def give_back() -> bool:
    """Fix the size for this process and those it forks. False where the C library has no such setting."""
    try:
        return bool(ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, FROM_BYTES))
    except (OSError, AttributeError):
        return False
