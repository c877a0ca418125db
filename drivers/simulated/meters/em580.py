"""Sessions of a simulated Carlo Gavazzi EM580: what is told before it, commands, states, the record in registers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from drivers.codecs.modbus import Function
from drivers.codecs.modbus_server import Exceptional, IllegalAddress
from drivers.simulated.meter import Meter
from drivers.simulated.meters.signing import record
from drivers.simulated.meters.table import TableFace, Words

TARIFF, DATA, EVSE, COMMAND, STATE, SIZE, RECORD = 0x6900, 0x7007, 0x701C, 0x7040, 0x7100, 0x7101, 0x7110
WRITABLE = ((0x6900, 0x6980), (0x7000, 0x7041), (STATE, STATE + 1))
NOTHING, RUNNING, READY, CORRUPTED = range(4)


class Em580Face(TableFace):
    """An EM580. A session begins only in state 0, and a loss of power ends it."""

    def __init__(self, model: Meter, words: Callable[[Meter, str], Words]) -> None:
        super().__init__(
            model,
            lambda: self._all(words(model, "EM580")),
            functions=(Function.READ_INPUT, Function.READ_HOLDING),
            ranges=((0x0000, 0x0060), (0x0500, 0x0520), (0x5000, 0x5007), *WRITABLE, (STATE, 0x7900)),
        )
        self.state = NOTHING
        self.records: list[str] = []
        self.corrupts = False
        self.settles_in = 0
        """So many looks at its state after the end of a session it says that it has nothing yet."""
        self._told: dict[int, int] = {}
        self._begin_wh = 0.0

    def read(self, function: int, start: int, count: int) -> Sequence[int]:
        words = list(super().read(function, start, count))
        if start == STATE and self.state in (READY, CORRUPTED) and self.settles_in:
            self.settles_in -= 1
            words[0] = NOTHING
        return words

    def write(self, start: int, values: Sequence[int]) -> None:
        if not any(low <= start and start + len(values) <= high for low, high in WRITABLE):
            raise IllegalAddress
        if start == STATE:
            self.state = NOTHING
        elif start == COMMAND:
            self._command(chr(values[0]))
        else:
            self._told.update(enumerate(values, start))

    def restart(self) -> None:
        """Its supply was away for a moment."""
        self._end()

    def _command(self, command: str) -> None:
        if command == "B":
            if self.state != NOTHING:
                raise Exceptional
            self.state, self._begin_wh = RUNNING, self.model.read().import_wh
        elif command == "E":
            self._end()

    def _end(self) -> None:
        if self.state != RUNNING:
            return
        fields = {"ID": self._text(DATA, 20), "CI": self._text(EVSE, 20), "TT": self._text(TARIFF, 20)}
        end_wh = self.model.read().import_wh
        self.records.append(record(str(self.model.serial), dict(fields), self._begin_wh, end_wh, len(self.records) + 1))
        self.state = CORRUPTED if self.corrupts else READY

    def _text(self, start: int, count: int) -> str:
        data = b"".join(self._told.get(at, 0).to_bytes(2, "big") for at in range(start, start + count))
        return data.split(b"\0")[0].decode("ascii")

    def _all(self, words: Words) -> Words:
        words.update(self._told)
        words[STATE] = self.state
        text = self.records[-1] if self.records and self.state == READY else ""
        words[SIZE] = (len(text) + 1) // 2
        words.text(RECORD, words[SIZE], text)
        return words
