"""BootNotification until the central system accepts us, then Heartbeats; its time becomes ours.

Nothing but BootNotification (and what a TriggerMessage asks for) leaves before Accepted. A link that comes back needs
no new BootNotification: that tells of a boot. Source: OCPP 1.6, 4.2, 4.6, 6.4, 7.41.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any

from chargepoint.bus import Bus
from chargepoint.config import StationSettings
from chargepoint.messages import TimeLearned
from ocpp_client.frames import Payload
from ocpp_client.rpc import NoAnswer, Refused, Rpc, Unsendable
from ocpp_client.schemas import parse_time
from ocpp_client.v16.configuration import Configuration

log = logging.getLogger(__name__)

STATUSES = ("Accepted", "Pending", "Rejected")
LEAST_WAIT_S, USUAL_WAIT_S, MOST_WAIT_S = 1.0, 60.0, 86_400.0
FIRST_SILENCE_S, MOST_SILENCE_S = 10.0, 300.0
MAX_INTERVAL_S = 86_400


def boot_payload(station: StationSettings, version: str) -> Payload:
    """BootNotification with every identity that is configured."""
    fields = {
        "chargePointVendor": station.vendor,
        "chargePointModel": station.model,
        "chargePointSerialNumber": station.charge_point_serial_number,
        "chargeBoxSerialNumber": station.charge_box_serial_number,
        "firmwareVersion": station.firmware_version or version,
        "iccid": station.iccid,
        "imsi": station.imsi,
        "meterType": station.meter_type,
        "meterSerialNumber": station.meter_serial_number,
    }
    return {name: value for name, value in fields.items() if value}


def clamped_wait_s(interval: Any) -> float:
    """How long to wait after Pending or Rejected, from what the server said; 0 leaves it to us."""
    if not isinstance(interval, int) or isinstance(interval, bool) or interval <= 0:
        return USUAL_WAIT_S
    return min(max(float(interval), LEAST_WAIT_S), MOST_WAIT_S)


class Registration:
    """`status` as the server gave it; `is_open` while there is a link and it is Accepted.

    `boots_each_link`: BootNotification comes with each link (compatibility switch), else only until Accepted.
    """

    def __init__(
        self,
        *,
        bus: Bus,
        rpc: Rpc,
        configuration: Configuration,
        payload: Payload,
        boots_each_link: bool = False,
        on_status: Callable[[str], None],
        on_open: Callable[[], None],
        note: Callable[[str, str], None],
    ) -> None:
        self.status = ""
        self.is_open = asyncio.Event()
        self._bus = bus
        self._rpc = rpc
        self._configuration = configuration
        self._payload = payload
        self._boots_each_link = boots_each_link
        self._on_status = on_status
        self._on_open = on_open
        self._note = note
        self._boot_asked = asyncio.Event()
        self._not_before_s = 0.0
        """After Pending or Rejected: when the next BootNotification may leave, whatever becomes of the link."""
        self.on_heartbeat: Callable[[], None] = lambda: None
        """A Heartbeat was answered."""
        self._changed = asyncio.Event()
        configuration.on_change(self._changed.set)

    def ask_boot(self) -> None:
        """Send a BootNotification soon (TriggerMessage)."""
        self._boot_asked.set()

    async def run(self) -> None:
        """One link's registration, cancelled with the link. Raises LinkLost."""
        try:
            if self.status != "Accepted" or self._boots_each_link:
                await self._register()
            self._open()
            while True:
                if await self._next_is_boot():
                    await self._register()
                    self._open()
                else:
                    await self.heartbeat()
        finally:
            self.is_open.clear()

    def _open(self) -> None:
        if not self.is_open.is_set():
            self.is_open.set()
            self._on_open()

    async def _next_is_boot(self) -> bool:
        """Wait for the next heartbeat's time (False), or until a BootNotification is asked for (True)."""
        loop = asyncio.get_running_loop()
        since_s = loop.time()
        while not self._boot_asked.is_set():
            due_s = since_s + self._configuration.number("HeartbeatInterval")
            if loop.time() >= due_s:
                return False
            self._changed.clear()
            waits = [asyncio.ensure_future(event.wait()) for event in (self._changed, self._boot_asked)]
            try:
                await asyncio.wait(waits, timeout=due_s - loop.time(), return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
        return True

    async def heartbeat(self) -> None:
        """One Heartbeat. Raises LinkLost; a server that fails to answer is only logged."""
        begun_s = asyncio.get_running_loop().time()
        try:
            self._learn_time(await self._rpc.call("Heartbeat", {}), begun_s)
            self.on_heartbeat()
        except (NoAnswer, Refused) as error:
            log.warning("heartbeat: %s", error)

    async def _register(self) -> None:
        """BootNotification again and again until Accepted."""
        silence_s = FIRST_SILENCE_S
        if self.status != "Accepted":
            await self._pause(self._not_before_s - asyncio.get_running_loop().time())
        while True:
            self._boot_asked.clear()
            begun_s = asyncio.get_running_loop().time()
            try:
                answer = await self._rpc.call("BootNotification", self._payload)
                status = answer.get("status")
                if status not in STATUSES:
                    raise NoAnswer(f"BootNotification was answered without a known status ({str(status)[:40]!r})")
            except (NoAnswer, Refused, Unsendable) as error:
                log.warning("not registered: %s; again in %.0f s", error, silence_s)
                await self._pause(silence_s * random.uniform(0.8, 1.2))
                silence_s = min(2 * silence_s, MOST_SILENCE_S)
                continue
            self._learn_time(answer, begun_s)
            self._take_status(status)
            if status == "Accepted":
                self._take_interval(answer.get("interval"))
                return
            self.is_open.clear()
            wait_s = clamped_wait_s(answer.get("interval"))
            self._not_before_s = asyncio.get_running_loop().time() + wait_s
            await self._pause(wait_s)

    def _take_status(self, status: str) -> None:
        if status != self.status:
            log.info("central system: registration %s -> %s", self.status or "none", status)
            self._note("BootNotification", status)
        self.status = status
        self._on_status(status)

    def _take_interval(self, interval: Any) -> None:
        if isinstance(interval, int) and not isinstance(interval, bool) and interval > 0:
            self._configuration.set_for_now("HeartbeatInterval", str(min(interval, MAX_INTERVAL_S)))

    async def _pause(self, seconds: float) -> None:
        """Wait, or less when a BootNotification is asked for."""
        if seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._boot_asked.wait()
        except TimeoutError:
            return

    def _learn_time(self, answer: Payload, begun_s: float) -> None:
        text = answer.get("currentTime")
        at = parse_time(text) if isinstance(text, str) else None
        if at is not None:
            middle_s = (begun_s + asyncio.get_running_loop().time()) / 2
            self._bus.publish(TimeLearned(at=at, mono_s=middle_s, source="server"))
