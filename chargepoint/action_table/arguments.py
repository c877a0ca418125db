"""What deeds of several areas have: arguments, needs, who stopped a charge, the request of a restart."""

from __future__ import annotations

from chargepoint.action_kinds import Argument, Asker, Make
from chargepoint.messages import RebootController
from chargepoint.preconditions import Need
from chargepoint.vocabulary import StopSource

CONNECTOR = Argument("connector", int, "number of the connector", 1, 64)
CONNECTOR_OR_ALL = Argument("connector", int, "number of the connector, 0 for all", 0, 64)
UNCHARGED = (Need.FREE, Need.NO_UPDATE)


def stop_source(asker: Asker) -> StopSource:
    """Who stopped a charge that `asker` ended."""
    return StopSource.TECHNICIAN if asker.is_local else StopSource.REMOTE_COMMAND


def reboot(number: int | None) -> Make:
    """Makes the request to restart the controller of connector `number` (0: all); None: of the one that was named."""
    return lambda v, a: RebootController(
        connector=v["connector"] if number is None else number, source=stop_source(a), by=a.login
    )
