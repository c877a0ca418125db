"""The demo's technician: made anew at each start, so that somebody can look at the service menu."""

from __future__ import annotations

from chargepoint.bus import Bus, CallFailed, Unavailable
from chargepoint.messages import SaveUser, User
from chargepoint.passwords import made
from chargepoint.vocabulary import Role

LOGIN, CARD, PIN = "service", "04DE50A1B2C3D4", "482913"


async def introduce(bus: Bus) -> str:
    """Make him known to the station; what to tell whoever started the demo."""
    password = made(LOGIN)
    user = User(LOGIN, Role.ADMINISTRATOR, cards=(CARD,))
    request = SaveUser(user=user, password=password, pin=PIN, must_change=False, by="demo")
    try:
        result = await bus.call("hub", request, timeout_s=20.0)
    except (Unavailable, CallFailed, TimeoutError) as error:
        return f"service menu: nobody can log in, {error}"
    if not result.ok:
        return f"service menu: nobody can log in, {result.text}"
    ways = f"login {LOGIN}, password {password}; or card {CARD}, PIN {PIN}"
    return f"service menu (Help, then hold the station number for 5 s): {ways}"
