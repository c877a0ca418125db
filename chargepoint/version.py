"""The version of this software, as it is installed."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("chargepoint")
except PackageNotFoundError:  # run from a bare checkout
    VERSION = "0.0.0"
