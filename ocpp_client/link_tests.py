"""Connection tests that people ask for: one at a time, told as the state `link/test`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from urllib.parse import urlsplit

from chargepoint.bus import Bus
from chargepoint.clock import Clock
from chargepoint.config import OcppSettings
from chargepoint.messages import ActionResult, LinkTestState, LinkTestStep, TestLink
from chargepoint.vocabulary import LinkState
from ocpp_client.authorization_key import key_of_file
from ocpp_client.connection_test import LONGEST_S, STEPS, ConnectionTest, Target
from ocpp_client.credentials import Credentials
from ocpp_client.frames import Payload
from ocpp_client.standing import PASSWORD
from ocpp_client.tls import client_context
from ocpp_client.transport import CannotConnect, Way, address, authorization
from ocpp_client.watching import Watching

log = logging.getLogger(__name__)

TOPIC = "link/test"
LINKED = frozenset({LinkState.ONLINE})


class LinkTests:
    """Serves TestLink."""

    def __init__(
        self,
        *,
        bus: Bus,
        clock: Clock,
        settings: OcppSettings,
        identity: str,
        credentials: Credentials,
        watching: Watching,
        boot: Payload,
        note: Callable[[str, int | None, str], None],
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._settings = settings
        self._identity = identity
        self._credentials = credentials
        self._watching = watching
        self._boot = boot
        self._note = note
        self._running: asyncio.Task[None] | None = None
        bus.serve(TestLink, self.begin)

    async def begin(self, request: TestLink, sender: str) -> ActionResult:
        """Start one; it goes on by itself."""
        if self._running is not None and not self._running.done():
            return ActionResult(ok=False, code="busy", text="A connection test runs already.")
        if not (request.url or self._settings.url):
            return ActionResult(ok=False, code="no_url", text="There is no address of a central system.")
        by = request.by or sender
        try:
            target = self._target(request)
        except (CannotConnect, ValueError) as error:
            self._tell_unready(request, by, str(error))
            return ActionResult(ok=True, code="ok", text="The test has ended.")
        self._running = asyncio.create_task(self._run(target, by), name="ocpp connection test")
        return ActionResult(ok=True, code="ok", text="The test runs.")

    def _target(self, request: TestLink) -> Target:
        identity = request.identity or self._identity
        way = self._credentials.next_way() if self._is_own(request) else self._way_to(request, identity)
        is_linked = self._watching.state in LINKED and not request.may_disturb
        return Target(way, identity, self._boot if request.sends_boot else None, is_linked)

    def _is_own(self, request: TestLink) -> bool:
        """Whether this is exactly what the station would do now."""
        known = {url.rstrip("/") for url in (self._settings.url, self._settings.backup_url) if url}
        is_known = not request.url or request.url.rstrip("/") in known
        return (
            bool(self._settings.url)
            and is_known
            and not request.password
            and (not request.identity or request.identity == self._identity)
        )

    def _way_to(self, request: TestLink, identity: str) -> Way:
        """To an address that is only thought of: no secret of this station goes there. Raises ValueError."""
        url = request.url or self._settings.url
        try:
            is_tls = urlsplit(url).scheme == "wss"
        except ValueError:
            is_tls = False
        key = key_of_file(request.password)
        user = self._settings.basic_auth_user or identity
        return Way(
            url=address(url, identity),
            headers=authorization(user, key),
            tls=client_context(self._credentials.roots()) if is_tls else None,
            proxy=self._settings.proxy,
            profile=(PASSWORD if is_tls else 1) if key else 0,
            needs_subprotocol=not self._settings.compatibility.accept_no_subprotocol,
        )

    async def _run(self, target: Target, by: str) -> None:
        url, at = target.way.url, self._clock.now() if self._clock.is_set else None

        def tell(steps: tuple[LinkTestStep, ...]) -> None:
            state = LinkTestState(url=url, by=by, at=at, is_running=True, steps=steps)
            self._bus.set_state(TOPIC, state)

        test = ConnectionTest(target, self._clock, tell)
        try:
            async with asyncio.timeout(LONGEST_S):
                await test.run()
            verdict = test.verdict
        except Exception:
            log.exception("the connection test to %s failed by itself", url)
            verdict = "failed"
        steps = tuple(test.steps.values())
        self._bus.set_state(TOPIC, LinkTestState(url=url, by=by, at=at, verdict=verdict, steps=steps))
        worst = next((step for step in steps if step.status == "failed"), None)
        self._note("ConnectionTest", None, f"{url}: {verdict}{f' ({worst.code})' if worst else ''}, by {by}")

    def _tell_unready(self, request: TestLink, by: str, why: str) -> None:
        """What the test would need cannot be read (roots, key)."""
        first = LinkTestStep("address", "failed", "own_files", {}, why[:300], 0.0)
        rest = tuple(LinkTestStep(name, "skipped", "after_failure") for name in STEPS[1:])
        url = request.url or self._settings.url
        self._bus.set_state(TOPIC, LinkTestState(url=url, by=by, verdict="failed", steps=(first, *rest)))

    async def close(self) -> None:
        """End the one that runs."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
