"""Who is logged in, as a lease, and what is forced for him: all of it ends with the lease (reliability.md S19)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence

import msgspec

from chargepoint.bus import Bus
from chargepoint.clock import Clock
from chargepoint.messages import ActionResult, TechnicianAtWork, TechnicianState, User
from chargepoint.presence import LEASE_S
from chargepoint.rights import STAFF
from chargepoint.station.bookkeeping import Books
from chargepoint.vocabulary import EventType

log = logging.getLogger(__name__)

LOOK_S = 0.5
TELL_S = 2.0
MOST_LEASES = 16
"""So many people at once; who comes then is asked to wait."""
AT_SCREEN = "hmi"
OUT = "may not be logged in any more"


Who = tuple[str, str]
"""A door (sender), and the login of who came in there."""


class Lease(msgspec.Struct, frozen=True):
    """Somebody is at work through a door, until monotonic `until_s`."""

    login: str
    since_s: float
    until_s: float
    closes_station: bool
    is_known: bool = False
    """He is one of the users of this station."""


class Forced:
    """Something that runs for somebody. `end` is called once when he has left."""

    def __init__(self, name: str, owner: Who, end: Callable[[], object]) -> None:
        self.name = name
        self.owner = owner
        self.end = end


class Presence:
    """Serves TechnicianAtWork; topic `technician`. `run` must be running.

    `changed` is called when the one at the screen comes or goes, or closes the station for drivers. Who is blocked,
    removed or no technician any more is gone at once, whatever his door says; `users` are those of now.
    """

    def __init__(self, books: Books, clock: Clock, bus: Bus, users: Callable[[], Sequence[User]] = lambda: ()) -> None:
        self._users = users
        self.changed: Callable[[], None] = lambda: None
        self._books = books
        self._clock = clock
        self._bus = bus
        self._leases: dict[Who, Lease] = {}
        self._forced: dict[str, Forced] = {}
        self._told: TechnicianState | None = None
        self._told_s = 0.0

    def serve(self) -> None:
        """Answer from now on."""
        self._bus.serve(TechnicianAtWork, self.at_work)

    @property
    def at_screen(self) -> Lease | None:
        """Who stands at the station, logged in."""
        return next((lease for (door, _), lease in self._leases.items() if door == AT_SCREEN), None)

    @property
    def closes_station(self) -> bool:
        """Whether drivers are kept out while somebody works."""
        return any(lease.closes_station for lease in self._leases.values())

    def owner(self, sender: str, login: str) -> Who | None:
        """Who forces something: he must be logged in through the door he asks through."""
        lease = self._leases.get((sender, login))
        return (sender, login) if lease is not None and self._clock.mono() < lease.until_s else None

    async def at_work(self, request: TechnicianAtWork, sender: str) -> ActionResult:
        """He is there, still or again; or he leaves. The screen has one before it, other doors many."""
        who, now = (sender, request.login), self._clock.mono()
        for other in [other for other in self._leases if other[0] == sender]:
            is_gone = other == who or sender == AT_SCREEN
            if is_gone and (not request.is_there or other != who):
                self._leave(other, "logged out")
        before, standing = self._leases.get(who), self._standing(request.login)
        if request.is_there and standing is False:
            if before is not None:
                self._leave(who, OUT)
            self._tell()
            return ActionResult(ok=False, code="no_right", text="This user has no part in the service of the station.")
        if before is None and request.is_there and len(self._leases) >= MOST_LEASES:
            return ActionResult(ok=False, code="busy", text=f"{MOST_LEASES} people are at work here already.")
        if request.is_there and request.login:
            since_s = before.since_s if before is not None else now
            until_s, is_known = now + LEASE_S, standing is not None
            self._leases[who] = Lease(request.login, since_s, until_s, request.closes_station, is_known)
            if before is None:
                self._note(who, "logged in")
            if before is None or before.closes_station is not request.closes_station:
                self.changed()
        self._tell()
        return ActionResult(ok=True, code="ok")

    async def force(self, name: str, owner: Who, work: Coroutine[object, object, ActionResult]) -> ActionResult:
        """Do `work` while its owner is logged in; cancelled when he leaves. One of a name at a time."""
        if name in self._forced:
            work.close()
            return ActionResult(ok=False, code="busy", text="This runs already. Wait until it is over.")
        task = asyncio.create_task(work, name=name)
        self.hold(name, owner, task.cancel)
        try:
            await asyncio.wait((task,))
            if task.cancelled():
                return ActionResult(ok=False, code="ended", text="It ended because nobody is logged in any more.")
            return task.result()
        finally:
            self.release(name)
            if not task.done():  # the service ends
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def hold(self, name: str, owner: Who, end: Callable[[], object]) -> None:
        """Something named runs for its owner; `end` when he has left, and `release` when it is over by itself.

        He may have left while it was being prepared: then it ends at once.
        """
        self._forced[name] = Forced(name, owner, end)
        if self.owner(*owner) is None:
            end()
        self._tell()

    def release(self, name: str) -> None:
        """It is over."""
        if self._forced.pop(name, None) is not None:
            self._tell()

    async def run(self) -> None:
        """End what nobody holds any more, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            now = self._clock.mono()
            for who, lease in list(self._leases.items()):
                if now >= lease.until_s:
                    self._leave(who, "not heard any more")
                elif (standing := self._standing(lease.login)) is False or (standing is None and lease.is_known):
                    self._leave(who, OUT)
            self._tell()

    def _standing(self, login: str) -> bool | None:
        """Whether this user may be at work here; None for somebody who is none (the command line)."""
        user = next((user for user in self._users() if user.login.casefold() == login.casefold()), None)
        return None if user is None else user.role in STAFF and not user.is_blocked

    def _leave(self, who: Who, how: str) -> None:
        del self._leases[who]
        ended = [forced for forced in self._forced.values() if forced.owner == who]
        for forced in ended:
            forced.end()
        names = ", ".join(forced.name for forced in ended)
        self._note(who, f"{how}, ended: {names}" if names else how)
        self.changed()

    def _note(self, who: Who, what: str) -> None:
        sender, login = who
        log.info("technician %s (%s): %s", login, sender, what)
        self._books.note(EventType.TECHNICIAN_ACTION, what.partition(",")[0], f"{login} ({sender}): {what}")

    def _tell(self) -> None:
        lease, now = self.at_screen, self._clock.mono()
        state = TechnicianState(
            login=lease.login if lease is not None else "",
            since_mono_s=lease.since_s if lease is not None else 0.0,
            closes_station=self.closes_station,
            forced=tuple(sorted(self._forced)),
        )
        if state != self._told or now - self._told_s >= TELL_S:
            self._told, self._told_s = state, now
            self._bus.set_state("technician", state)
