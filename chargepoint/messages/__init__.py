"""Every event, state and call that crosses the bus, and who may send it.

Three kinds: an `Event` is published to whoever subscribed, a `State` is retained under a topic, a `Request` is a call
to one service and names its `Reply`. The hub checks each message against this vocabulary and `SENDERS` (S24). One file
for each service that answers; the names are imported from here. What is
not for all to hear stands in `READERS`.
"""

from chargepoint.messages.configuration import *
from chargepoint.messages.diag import *
from chargepoint.messages.discovery import *
from chargepoint.messages.fota import *
from chargepoint.messages.helper import *
from chargepoint.messages.hub import *
from chargepoint.messages.kinds import *
from chargepoint.messages.logins import *
from chargepoint.messages.notes import *
from chargepoint.messages.ocpp import *
from chargepoint.messages.readers import *
from chargepoint.messages.rfid import *
from chargepoint.messages.screen import *
from chargepoint.messages.senders import *
from chargepoint.messages.staff import *
from chargepoint.messages.station_calls import *
from chargepoint.messages.station_events import *
from chargepoint.messages.station_records import *
from chargepoint.messages.station_states import *
from chargepoint.messages.web import *
