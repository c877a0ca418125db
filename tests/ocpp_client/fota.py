"""A stand-in for service `fota`: answers what tests say, and tells states as a real one would."""

from __future__ import annotations

from chargepoint.bus import Bus
from chargepoint.messages import ActionResult, BeginUpdate, BeginUpload, TellUpdate, TellUpload, UploadAnswer
from tests.ocpp_client.rig import Rig


class FakeFota:
    """`updates` and `uploads` are what it was asked, in order. With `states` it tells them before it answers."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.updates: list[BeginUpdate] = []
        self.uploads: list[BeginUpload] = []
        self.update_answer = ActionResult(ok=True, code="ok")
        self.upload_answer = UploadAnswer(ok=True, code="ok", file_name="log.tar.gz")
        self.states: tuple[str, ...] = ()
        bus.serve(BeginUpdate, self._update)
        bus.serve(BeginUpload, self._upload)

    async def update(self, *states: str, request_id: int | None = None) -> None:
        """Tell states of an update, each durable before the next."""
        for state in states:
            await self.bus.call("ocpp", TellUpdate(status=state, request_id=request_id))

    async def upload(self, *states: str, request_id: int | None = None) -> None:
        for state in states:
            await self.bus.call("ocpp", TellUpload(status=state, request_id=request_id))

    async def _update(self, request: BeginUpdate, _sender: str) -> ActionResult:
        self.updates.append(request)
        await self.update(*self.states, request_id=request.request_id)
        return self.update_answer

    async def _upload(self, request: BeginUpload, _sender: str) -> UploadAnswer:
        self.uploads.append(request)
        await self.upload(*self.states, request_id=request.request_id)
        return self.upload_answer


def from_the_station(rig: Rig) -> list[str]:
    """Calls and answers of the station, by action, in the order in which the server received them."""
    return [message.action for message in rig.ledger.messages if not message.to_station]
