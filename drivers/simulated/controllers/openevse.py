"""The far side of `driver = "openevse"`: RAPI, with its unasked lines; heartbeats missed lead to 6 A at least."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from drivers.codecs import rapi
from drivers.errors import BadFrame
from drivers.interfaces import Cause, ControllerStatus
from drivers.simulated.controller import Controller
from drivers.simulated.controllers.modbus_face import codes
from drivers.simulated.devices import DevicePart, Late
from drivers.simulated.foreign_controller import ForeignController

LEAST_A = 6
STATES = (
    (ControllerStatus.E7_OVERHEAT, None, 0x0A),
    (None, Cause.DIODE_FAULT, 0x05),
    (None, Cause.RESIDUAL_CURRENT, 0x06),
    (None, Cause.CONTACTOR_WELDED, 0x08),
    (None, Cause.OVERCURRENT, 0x0B),
    (None, Cause.CONTACTOR_FAILED, 0x0E),
)
BOOT_LOCK, CHARGING, CONNECTED = 0x4000, 0x0040, 0x0100


class OpenEvseFace:
    """A ByteDevice. `cuts_answers`: its next answer has an unasked line in its middle."""

    send: Callable[[bytes], None]

    def __init__(self, model: Controller) -> None:
        self.model = model
        self.send = lambda data: None
        self.kept_a = min(round(model.hardware.max_current_a), 80)
        self.box = ForeignController(model, current_a=float(self.kept_a), safe_a=float(LEAST_A), on_boot=self._boot)
        self.cuts_answers = 0
        self._data = b""
        self._has_boot_lock = False
        self._is_locked_at_boot = False
        self._is_asleep = False
        self._has_missed = False
        self._told_state = ""

    def received(self, data: bytes, now_s: float) -> Iterable[Late]:
        """Lines with a good check sum are answered."""
        self.box.look_for_boot()
        if not self.box.answers:
            self._data = b""
            return
        self._data = (self._data + data)[-4 * rapi.MOST_BYTES :]
        while b"\r" in self._data:
            raw, _, self._data = self._data.partition(b"\r")
            start = raw.rfind(b"$")
            if start < 0:
                continue
            try:
                line = rapi.decode(raw[start:])
            except BadFrame:
                yield Late(rapi.encode("NK"))
                continue
            yield Late(self._with_unasked(rapi.encode(self._carry_out(line.kind, line.words))))

    def _with_unasked(self, answer: bytes) -> bytes:
        state = f"AT {self._state():02x} {self._pilot():02x} {self._amperes()} {self._flags():04x}"
        unasked = rapi.encode(state)
        if self.cuts_answers > 0:
            self.cuts_answers -= 1
            middle = len(answer) // 2
            return answer[:middle] + unasked + answer[middle:]
        if state != self._told_state:
            self._told_state = state
            return unasked + answer
        return answer

    def _carry_out(self, kind: str, words: tuple[str, ...]) -> str:
        self._miss()
        handlers: dict[str, Callable[[tuple[str, ...]], str]] = {
            "GV": lambda words: "OK 8.2.3 5.2.1",
            "GI": lambda words: "OK 57363237FF310C0A",
            "GS": lambda words: (
                f"OK {self._state():02x} {int(self.model.session_elapsed_s)} {self._pilot():02x} {self._flags():04x}"
            ),
            "GE": lambda words: f"OK {self._amperes()} 0021",
            "GC": lambda words: f"OK {LEAST_A} 80 {self._amperes()} {self.kept_a}",
            "GG": lambda words: (
                f"OK {round(self.model.output.current_a * 1000)} {round((self.model.output.voltage_v or 230) * 1000)}"
            ),
            "GU": lambda words: f"OK {round(self._session_wh * 3600)} {round(self._before_wh)}",
            "GP": lambda words: f"OK {round(self.model.temperature_c * 10)} -2560 -2560",
            "SC": self._set_current,
            "SY": self._heartbeat,
            "FE": self._wake,
            "FS": self._sleep,
            "FD": self._sleep,
            "FR": self._restart,
            "FF": self._feature,
            "SB": self._unlock_boot,
            "S1": lambda words: "OK" if len(words) == 6 else "NK",
        }
        handler = handlers.get(kind)
        answer = "NK" if handler is None else handler(words)
        self.box.changed()
        return answer

    @property
    def _session_wh(self) -> float:
        """Since the vehicle was plugged in; the total has it when the vehicle has left."""
        return self.model.vehicle.energy_wh if self.model.vehicle is not None else 0.0

    @property
    def _before_wh(self) -> float:
        return self.model.output.energy_wh - self._session_wh

    def _amperes(self) -> int:
        return round(self.box.safe_a if self.box.is_forgotten else self.box.current_a)

    def _state(self) -> int:
        if self._is_asleep:
            return 0xFE
        code = codes(self.model, STATES, 0x07)
        if code:
            return code
        return {"A": 1, "B": 2, "C": 3 if self.box.is_closed else 2, "F": 0}.get(self.box.letter, 0)

    def _pilot(self) -> int:
        vehicle = self.model.vehicle
        return 1 if vehicle is None else 3 if vehicle.asks else 2

    def _flags(self) -> int:
        flags = CHARGING if self.box.is_closed else 0
        flags |= CONNECTED if self.model.vehicle is not None else 0
        return flags | (BOOT_LOCK if self._is_locked_at_boot else 0)

    def _set_current(self, words: tuple[str, ...]) -> str:
        wanted = int(words[0])
        found = max(min(wanted, self.kept_a), LEAST_A)
        self.box.current_a = float(found)
        return f"{'OK' if found == wanted else 'NK'} {found}"

    def _heartbeat(self, words: tuple[str, ...]) -> str:
        box = self.box
        if len(words) == 2:
            box.time_out_s, box.safe_a = float(words[0]), float(max(int(words[1]), LEAST_A))
            box.heard()
        elif words == ("165",):
            if self._has_missed:
                box.current_a = float(self.kept_a)  # it goes back to all that it may give
                box.heard()
            self._has_missed = False
        else:
            box.heard()
        return f"{'NK' if self._has_missed and not words else 'OK'} {round(box.time_out_s)} {round(box.safe_a)} " + str(
            2 if self._has_missed else 0
        )

    def _miss(self) -> None:
        """A heartbeat was missed: the lower current stays until it is told another."""
        if self.box.is_forgotten:
            self._has_missed = True
            self.box.current_a = min(self.box.current_a, self.box.safe_a)

    def _wake(self, words: tuple[str, ...]) -> str:
        self._is_asleep = False
        self._decide()
        return "OK"

    def _sleep(self, words: tuple[str, ...]) -> str:
        self._is_asleep = True
        self._decide()
        return "OK"

    def _feature(self, words: tuple[str, ...]) -> str:
        if words[:1] == ("L",):
            self._has_boot_lock = words[1:] == ("1",)
        return "OK"

    def _unlock_boot(self, words: tuple[str, ...]) -> str:
        self._is_locked_at_boot = False
        self._decide()
        return "OK 0"

    def _restart(self, words: tuple[str, ...]) -> str:
        self.model.power_off()
        self.model.power_on()
        return "OK"

    def _decide(self) -> None:
        self.box.enabled = not self._is_asleep and not self._is_locked_at_boot

    def _boot(self) -> None:
        """Its settings are kept, what it was told for now is not; it says that it started."""
        self._is_asleep, self._has_missed = False, False
        self._is_locked_at_boot = self._has_boot_lock
        self.box.current_a = float(self.kept_a)
        self._decide()
        self.send(rapi.encode("AB 00 8.2.3"))


def face(model: Controller, part: DevicePart) -> OpenEvseFace:
    """The controller's model as an OpenEVSE."""
    return OpenEvseFace(model)
