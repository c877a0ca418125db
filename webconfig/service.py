"""The service `webconfig`: the local web configurator (webconfig.md).

Everything heavy is imported here, late, so that no other process pays for it.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from contextlib import suppress
from datetime import datetime

from chargepoint.bus import CallFailed, Unavailable
from chargepoint.context import Context
from chargepoint.messages import LoginsState, MakeFirstAdministrator, WebState
from webconfig.certificate import fingerprint, server_context
from webconfig.commands.asked_back import AskedBack
from webconfig.commands.at_work import AtWork
from webconfig.commands.commands import Commands
from webconfig.commands.store import Store
from webconfig.door import Door, headers_for
from webconfig.feed import Feed
from webconfig.http.messages import Request, StreamResponse
from webconfig.http.paths import Paths
from webconfig.http.speaker import Answering, Speaker
from webconfig.layout import error_page
from webconfig.live import Pages, Shared
from webconfig.meter_history import MeterHistory
from webconfig.reception import Reception
from webconfig.routes import Route
from webconfig.scheme_history import FILE, SchemeHistory
from webconfig.site import Site
from webconfig.sockets import Listening, listening
from webconfig.static_files import static_file
from webconfig.table import all_routes
from webconfig.visitors import Visitors
from webconfig.web_certificate import WebCertificate

log = logging.getLogger(__name__)


async def run(context: Context) -> None:
    """Serve the pages until asked to stop. Raises OSError when no port can be listened at."""
    settings = context.settings.web
    loop = asyncio.get_running_loop()
    site = Site(context, context.bus.watch(""), Visitors(settings.idle_min * 60.0, loop.time), context.faults)
    routes = all_routes(is_whole=False)
    commands = Commands(context.bus, site.states, Store(context.data))
    feed, at_work = Feed(context.bus, site.states), AtWork(context.bus)
    history = SchemeHistory(context.data / FILE, context.clock.now)
    meters = MeterHistory(context.data, context.clock)
    commands.changed = feed.command
    site.parts = {Shared: Shared(), Pages: Pages(routes), Commands: commands, Feed: feed, AtWork: at_work,
                  AskedBack: AskedBack(), SchemeHistory: history, MeterHistory: meters}  # fmt: skip
    site.pages = frozenset(
        route.path for route in routes if route.method == "GET" and (route.is_safe_mode or not site.is_safe_mode)
    )
    await commands.load()
    door = Door(site, settings, error_page, context.settings.screen.languages[0])
    sockets = listening(settings)
    door.admission.https_port = sockets.secure[0].getsockname()[1]
    answering = answers_of(door, routes)
    reception = Reception(lambda: Speaker(answering))
    try:
        secure = site.parts[ssl.SSLContext] = await server_context(context.data, context.settings)
        certificate = site.parts[WebCertificate] = WebCertificate(context.data)
        async with asyncio.TaskGroup() as group:
            working = [
                group.create_task(_watch_logins(site), name="log-ins"),
                group.create_task(_first_administrator(context), name="first administrator"),
                group.create_task(commands.run(), name="commands"),
                group.create_task(feed.run(), name="feed"),
                group.create_task(at_work.run(), name="at work"),
                group.create_task(certificate.watch(context), name="certificate"),
                group.create_task(history.run(site), name="history of the scheme"),
                group.create_task(meters.run(site), name="history of the meters"),
            ]
            for sock, tls in sockets.all_of(secure):
                work = reception.welcome(sock, tls, is_checked=not settings.addresses)
                working.append(group.create_task(work, name="reception"))
            log.info("the web configurator is at %s", ", ".join(sockets.names()))
            context.bus.set_state("web", _state(context, sockets, certificate.ends_at()))
            context.ready()
            await _beat(site, reception)
            for task in working:
                task.cancel()
    finally:
        sockets.close()
        reception.close()


def _state(context: Context, sockets: Listening, certificate_ends_at: datetime | None) -> WebState:
    plain_port = sockets.plain[0].getsockname()[1] if sockets.plain else 0
    return WebState(
        https_port=sockets.secure[0].getsockname()[1],
        http_port=plain_port,
        fingerprint=fingerprint(context.data),
        certificate_ends_at=certificate_ends_at,
        is_safe_mode=bool(context.faults),
    )


def answers_of(door: Door, routes: tuple[Route, ...]) -> Answering:
    """What answers each request: the rows of the table and the static files; everything else is 404, another method
    405."""
    paths = Paths((route.path, route) for route in routes)

    async def answer(request: Request) -> StreamResponse:
        found = paths.found(request.path)
        for route, places in found:
            if route.method == request.method:
                request.match_info.update(places)
                return await door.handle(route, request)
        is_file = request.method == "GET" and request.path.startswith("/static/")
        methods = {route.method for route, _ in found}
        return door.outside(request, lambda: static_file(request, headers_for(request)) if is_file else None, methods)

    return answer


async def _first_administrator(context: Context) -> None:
    """A new station has somebody who can log in, with the password of its label."""
    try:
        await context.bus.call("hub", MakeFirstAdministrator(), timeout_s=30.0)
    except (Unavailable, CallFailed, TimeoutError) as error:
        log.warning("whether this station has an administrator is not known: %s", error)


async def _watch_logins(site: Site) -> None:
    """End the sessions of whoever may not be logged in any more."""
    async for _, state in site.context.bus.watch("access/logins").changes():
        if isinstance(state, LoginsState):
            site.visitors.hold_to(state.users)


async def _beat(site: Site, reception: Reception) -> None:
    """Beat until asked to stop; sessions and connections that are idle for too long end meanwhile."""
    while not site.context.stopping.is_set():
        site.context.beat()
        site.visitors.sweep()
        reception.sweep(site.now_s())
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await site.context.stopping.wait()
