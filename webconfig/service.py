"""The service `webconfig`: the local web configurator (webconfig.md).

Everything heavy is imported here, late, so that no other process pays for it.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from contextlib import suppress

from aiohttp import web

from chargepoint.context import Context
from chargepoint.messages import LoginsState
from webconfig.certificate import server_context
from webconfig.door import Door, headers_for
from webconfig.layout import error_page
from webconfig.live import Pages, Shared
from webconfig.routes import Route
from webconfig.site import Site
from webconfig.sockets import Listening, listening
from webconfig.static_files import static_file
from webconfig.table import all_routes
from webconfig.visitors import Visitors

log = logging.getLogger(__name__)


async def run(context: Context) -> None:
    """Serve the pages until asked to stop. Raises OSError when no port can be listened at."""
    settings = context.settings.web
    loop = asyncio.get_running_loop()
    site = Site(context, context.bus.watch(""), Visitors(settings.idle_min * 60.0, loop.time), context.faults)
    routes = all_routes()
    site.parts = {Shared: Shared(), Pages: Pages(routes)}
    door = Door(site, settings, error_page, context.settings.screen.languages[0])
    runner = web.AppRunner(application(door, routes), access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
    await runner.setup()
    sockets = listening(settings)
    try:
        await _listen(runner, sockets, await server_context(context.data, context.settings))
        context.ready()
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(_watch_logins(site), name="log-ins")
            await _beat(site)
            watching.cancel()
    finally:
        await runner.cleanup()


def application(door: Door, routes: tuple[Route, ...]) -> web.Application:
    """The table of routes as an aiohttp application; everything else is 404."""
    app = web.Application()
    for route in routes:
        app.router.add_route(route.method, route.path, door.handler(route))

    async def static(request: web.Request) -> web.StreamResponse:
        return static_file(request, headers_for(request)) or door.unknown(request)

    async def unknown(request: web.Request) -> web.StreamResponse:
        return door.unknown(request)

    app.router.add_route("GET", "/static/{name}", static)
    app.router.add_route("*", "/{path:.*}", unknown)
    return app


async def _listen(runner: web.AppRunner, sockets: Listening, secure: ssl.SSLContext) -> None:
    for sock in sockets.secure:
        await web.SockSite(runner, sock, ssl_context=secure, backlog=64).start()
    for sock in sockets.plain:
        await web.SockSite(runner, sock, backlog=64).start()
    log.info("the web configurator is at %s", ", ".join(sockets.names()))


async def _watch_logins(site: Site) -> None:
    """End the sessions of whoever may not be logged in any more."""
    async for _, state in site.context.bus.watch("access/logins").changes():
        if isinstance(state, LoginsState):
            site.visitors.hold_to(state.users)


async def _beat(site: Site) -> None:
    """Beat until asked to stop; sessions that are idle for too long end meanwhile."""
    while not site.context.stopping.is_set():
        site.context.beat()
        site.visitors.sweep()
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await site.context.stopping.wait()
