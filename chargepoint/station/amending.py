"""What people may correct in the record of a session: the vehicle's name, the state of an ended one. Never charging."""

from __future__ import annotations

from collections.abc import Mapping

from chargepoint.messages import ActionResult, AmendSession
from chargepoint.station.bookkeeping import Books
from chargepoint.station.outlet import Outlet
from chargepoint.vocabulary import EventType


async def amend(books: Books, outlets: Mapping[int, Outlet], request: AmendSession) -> ActionResult:
    """Change and log it; see `AmendSession`. Raises CannotRecord."""
    if request.vehicle_name is None and request.state is None:
        return _refused("nothing", "Nothing is to be changed.")
    running = [outlet.session for outlet in outlets.values() if outlet.session is not None]
    session = next((one for one in running if one.session_id == request.session_id), None)
    session = session or await books.journal.session(request.session_id)
    if session is None:
        return _refused("no_session", f"There is no session {request.session_id}.")
    if request.state is not None:
        if session.finished is None:
            return _refused("not_finished", f"Session {request.session_id} goes on; its state cannot be changed.")
        if not request.comment.strip():
            return _refused("comment_needed", "Say why the state is changed.")
    told = []
    if request.vehicle_name is not None and request.vehicle_name.strip() != session.vehicle_name:
        told.append(f"vehicle {session.vehicle_name or '-'} -> {request.vehicle_name.strip() or '-'}")
        session.vehicle_name = request.vehicle_name.strip()
    if request.state is not None and request.state is not session.state:
        told.append(f"state {session.state.value} -> {request.state.value}")
        session.state = request.state
    if not told:
        return ActionResult(ok=True, code="ok")
    await books.save_session(session)
    comment = request.comment.strip()
    books.note(
        EventType.TECHNICIAN_ACTION,
        "Session amended",
        f"{', '.join([*told, comment] if comment else told)} (by {request.by})",
        connector=session.connector,
        session_id=session.session_id,
    )
    return ActionResult(ok=True, code="ok")


def _refused(code: str, text: str) -> ActionResult:
    return ActionResult(ok=False, code=code, text=text)
