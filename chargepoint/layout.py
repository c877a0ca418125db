"""Where versions of this software lie on the machine (docs/updates.md)."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Layout(msgspec.Struct, frozen=True):
    """Folders that only root writes.

    `factory` is the version that the package of the system brought: what runs when there is no other. `slots` holds two
    more, `a` and `b`, the link `current` to the one that runs, and what must outlive a factory reset: version floor,
    revoked keys. `keys` are those a package is checked and opened with (`trust.json`, `product.key`).
    """

    factory: Path = Path("/opt/chargepoint/app")
    slots: Path = Path("/var/lib/chargepoint-slots")
    keys: Path = Path("/etc/chargepoint")


ON_THIS_MACHINE = Layout()
