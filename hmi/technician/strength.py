"""How strong a new password is, for the meter; what is allowed at all is decided by the hub. Pure."""

from __future__ import annotations

import math

LEAST_LENGTH = 8
"""As the hub wants it."""
STRONG_BITS = 70.0
KINDS = ((str.islower, 26), (str.isupper, 26), (str.isdigit, 10))


def strength(password: str) -> float:
    """0 (empty) to 1: bits of a random password of this length and these kinds of signs, repeats counted once."""
    if not password:
        return 0.0
    signs = sum(size for is_kind, size in KINDS if any(is_kind(sign) for sign in password))
    signs += 32 if any(not sign.isalnum() for sign in password) else 0
    different = len(set(password)) + 0.3 * (len(password) - len(set(password)))
    bits = different * math.log2(max(2, signs))
    share = min(1.0, bits / STRONG_BITS)
    return min(share, 0.35) if len(password) < LEAST_LENGTH else share
