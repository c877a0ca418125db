"""Our own connector controllers: `driver = "native"`. The driver stands with its protocol in drivers/native/."""

from drivers.native.controller import Settings, open_device

__all__ = ["Settings", "open_device"]
