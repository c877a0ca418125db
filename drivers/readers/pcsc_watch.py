"""What the thread of a PC/SC reader does: wait for cards, read their numbers, give signals. It blocks; no asyncio here.

Everything goes through the functions of `smartcard.scard`, which is handed in. SCardGetStatusChange waits with a
time-out, so that a service that is gone, a reader that was pulled out and the wish to stop are all noticed soon.
"""

from __future__ import annotations

import fnmatch
import logging
import queue
import time
from collections.abc import Callable, Sequence
from typing import Any

from drivers.interfaces import Card, CardSignal, Identity
from drivers.readers.atr import kind_of
from drivers.readers.numbers import PARTIAL, UNSUPPORTED, Writing, card_of, key_of, nobody
from drivers.readers.pcsc_signals import ABILITIES, Abilities, Model, model_of, version_in
from drivers.readers.presence import Presence

log = logging.getLogger(__name__)

WAIT_MS = 400
BUSY_WAIT_MS = 50
BUSY_S = 3.0
"""So long after a card its signals are given quickly."""
READ_TRIES = 3
GONE_AFTER_S = 0.4
GET_UID = bytes.fromhex("FFCA000000")
DONE, NO_CARD, NOT_SUPPORTED = (0x90, 0x00), (0x63, 0x00), (0x6A, 0x81)
ESCAPE_CODES = (3500, 1)
"""Of SCardControl: of ACS's own driver, of the common CCID driver."""
SIGNALS_WAITING = 8


class Lost(Exception):
    """The service or the reader is gone; the text says which."""


class Watch:
    """One reader at the PC/SC service. `tell` gets cards; `lost` the reason when it is over (empty: it was stopped)."""

    def __init__(
        self,
        scard: Any,
        *,
        pattern: str,
        model: Model,
        keeps_own_beep: bool,
        writing: Writing,
        tell: Callable[[Card], None],
        lost: Callable[[str], None],
    ) -> None:
        self.identity = Identity()
        self.name = ""
        self.heard_s: float | None = None
        self.polls = self.errors = self.refused = 0
        self._scard = scard
        self._pattern = pattern
        self._model = model
        self._keeps_own_beep = keeps_own_beep
        self._writing = writing
        self._tell = tell
        self._lost = lost
        self._abilities = Abilities()
        self._signals: queue.Queue[CardSignal] = queue.Queue(SIGNALS_WAITING)
        self._presence = Presence(GONE_AFTER_S)
        self._is_stopping = False
        self._is_present = False
        self._escape_code: int | None = None
        self._beep_is_settled = keeps_own_beep
        self._busy_until_s = 0.0

    def stop(self) -> None:
        """End soon; from any thread."""
        self._is_stopping = True

    def signal(self, signal: CardSignal) -> None:
        """Show it soon; from any thread. Of too many the new ones are left out."""
        try:
            self._signals.put_nowait(signal)
        except queue.Full:
            self.errors += 1

    def run(self) -> None:
        """Until it is stopped, or lost."""
        reason = ""
        try:
            self._run()
        except Lost as error:
            reason = str(error)
        except Exception as error:  # whatever the binding does: the thread's owner is told
            log.exception("the thread of a PC/SC reader failed")
            reason = f"{type(error).__name__}: {error}"
        self._lost(reason)

    def _run(self) -> None:
        scard = self._scard
        context = self._checked("SCardEstablishContext", scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM))
        try:
            self.name = choose(self._readers(context), self._pattern)
            self._abilities = ABILITIES[model_of(self.name, self._model)]
            self._introduce(context)
            self._watch(context)
        finally:
            scard.SCardReleaseContext(context)

    def _readers(self, context: Any) -> list[str]:
        result, names = self._scard.SCardListReaders(context, [])
        if result == self._scard.SCARD_E_NO_READERS_AVAILABLE:
            return []
        self._checked("SCardListReaders", (result, names))
        return list(names)

    def _watch(self, context: Any) -> None:
        scard = self._scard
        state = scard.SCARD_STATE_UNAWARE
        inserted = -1
        while not self._is_stopping:
            self._give_signals(context)
            wait_ms = BUSY_WAIT_MS if time.monotonic() < self._busy_until_s else WAIT_MS
            result, states = scard.SCardGetStatusChange(context, wait_ms, [(self.name, state)])
            self.polls += 1
            if result == scard.SCARD_E_TIMEOUT:
                self.heard_s = time.monotonic()
                continue
            self._checked("SCardGetStatusChange", (result, states))
            self.heard_s = time.monotonic()
            _, event, atr = states[0]
            if event & (scard.SCARD_STATE_UNKNOWN | scard.SCARD_STATE_UNAVAILABLE):
                raise Lost(f"'{self.name}' was pulled out")
            state = event & ~scard.SCARD_STATE_CHANGED
            count, was_present = event >> 16 & 0xFFFF, self._is_present
            self._is_present = bool(event & scard.SCARD_STATE_PRESENT)
            if not self._is_present:
                self._presence.seen((), time.monotonic())
            elif not was_present or count != inserted:
                self._card_came(context, bytes(atr), is_mute=bool(event & scard.SCARD_STATE_MUTE))
            inserted = count

    def _card_came(self, context: Any, atr: bytes, *, is_mute: bool) -> None:
        self._busy_until_s = time.monotonic() + BUSY_S
        card = nobody(PARTIAL) if is_mute else self._read(context, atr)
        self._settle_beep(context)
        if card is None:
            return  # away again, nothing was read: the next insertion will tell
        if card.refusal in (PARTIAL, UNSUPPORTED):
            self.refused += 1
        if self._presence.seen((key_of(card),), time.monotonic()):
            self._tell(card)

    def _read(self, context: Any, atr: bytes) -> Card | None:
        """The card that lies there; None when it was taken away before it could be read."""
        kind = kind_of(atr)
        for _ in range(READ_TRIES):
            begun_s = time.monotonic()
            answer = self._to_card(context, GET_UID)
            if answer is None:
                if self._is_gone(context):
                    return None
                continue
            number, status = answer[:-2], tuple(answer[-2:])
            if status == DONE:
                read_ms = round(1000 * (time.monotonic() - begun_s), 1)
                return card_of(number, self._writing, kind.family, kind.name, read_ms)
            if status == NOT_SUPPORTED:
                return nobody(UNSUPPORTED, kind.name)
            self.errors += 1
        return nobody(PARTIAL, kind.name)

    def _is_gone(self, context: Any) -> bool:
        result, states = self._scard.SCardGetStatusChange(context, 0, [(self.name, self._scard.SCARD_STATE_UNAWARE)])
        self._checked("SCardGetStatusChange", (result, states))
        return not states[0][1] & self._scard.SCARD_STATE_PRESENT

    # ------------------------------------------------------------------------------------------------ orders

    def _to_card(self, context: Any, command: bytes) -> bytes | None:
        """The answer of the card (or of the reader in its place) with its status; None when it failed."""
        scard = self._scard
        wanted = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        result, card, protocol = scard.SCardConnect(context, self.name, scard.SCARD_SHARE_SHARED, wanted)
        if result != scard.SCARD_S_SUCCESS:
            self.errors += 1
            return None
        try:
            header = scard.SCARD_PCI_T1 if protocol == scard.SCARD_PROTOCOL_T1 else scard.SCARD_PCI_T0
            result, answer = scard.SCardTransmit(card, header, list(command))
        finally:
            scard.SCardDisconnect(card, scard.SCARD_LEAVE_CARD)
        if result != scard.SCARD_S_SUCCESS or len(answer) < 2:
            self.errors += 1
            return None
        return bytes(answer)

    def _to_reader(self, context: Any, command: bytes) -> bytes | None:
        """The answer of the reader itself; None when it does not take the command (the PC/SC service may forbid it)."""
        scard = self._scard
        result, handle, _ = scard.SCardConnect(context, self.name, scard.SCARD_SHARE_DIRECT, 0)
        if result != scard.SCARD_S_SUCCESS:
            return None
        try:
            for code in ESCAPE_CODES if self._escape_code is None else (self._escape_code,):
                result, answer = scard.SCardControl(handle, scard.SCARD_CTL_CODE(code), list(command))
                if result == scard.SCARD_S_SUCCESS:
                    self._escape_code = code
                    return bytes(answer)
        finally:
            scard.SCardDisconnect(handle, scard.SCARD_LEAVE_CARD)
        return None

    def _order(self, context: Any, command: bytes) -> bytes | None:
        if self._is_present and not self._abilities.is_escape:
            return self._to_card(context, command)
        return self._to_reader(context, command)

    def _introduce(self, context: Any) -> None:
        """Who the reader is, and its own tone off, as far as it can be told without a card."""
        version = ""
        if self._abilities.version:
            version = version_in(self._to_reader(context, self._abilities.version) or b"")
        self.identity = Identity(model=self.name, firmware_version=version or self._driver_version(context))
        self._settle_beep(context)

    def _settle_beep(self, context: Any) -> None:
        if self._beep_is_settled:
            return
        orders = self._abilities.own_beep_off
        self._beep_is_settled = all(self._order(context, command) is not None for command in orders)

    def _driver_version(self, context: Any) -> str:
        scard = self._scard
        result, handle, _ = scard.SCardConnect(context, self.name, scard.SCARD_SHARE_DIRECT, 0)
        if result != scard.SCARD_S_SUCCESS:
            return ""
        try:
            result, value = scard.SCardGetAttrib(handle, scard.SCARD_ATTR_VENDOR_IFD_VERSION)
        finally:
            scard.SCardDisconnect(handle, scard.SCARD_LEAVE_CARD)
        if result != scard.SCARD_S_SUCCESS or len(value) != 4:
            return ""
        return f"{value[3]}.{value[2]}.{value[0] | value[1] << 8}"

    def _give_signals(self, context: Any) -> None:
        while not self._signals.empty():
            for command in self._abilities.signals.get(self._signals.get_nowait(), ()):
                if self._order(context, command) is None:
                    self.errors += 1

    def _checked(self, function: str, answer: Sequence[Any]) -> Any:
        """What a function gave. Raises Lost when it failed."""
        if answer[0] != self._scard.SCARD_S_SUCCESS:
            self.errors += 1
            reason = str(self._scard.SCardGetErrorMessage(answer[0])).strip().rstrip(".")
            raise Lost(
                f"{reason or hex(answer[0] & 0xFFFFFFFF)} ({function}). Does pcscd run, is the reader plugged in?"
            )
        return answer[1]


def fits(name: str, pattern: str) -> bool:
    """Whether a reader's name fits; brackets are part of many names and mean only themselves."""
    return fnmatch.fnmatchcase(name.lower(), pattern.lower().replace("[", "[[]"))


def choose(names: Sequence[str], pattern: str) -> str:
    """The reader meant by a pattern with * and ?; where several fit, contactless ones first, never slots for SAMs as
    long as another one fits. Raises Lost."""
    fitting = [name for name in sorted(names) if fits(name, pattern)]
    if fitting:
        return min(fitting, key=lambda name: ("SAM" in name, "PICC" not in name, " ICC" in name))
    there = ", ".join(f"'{name}'" for name in sorted(names)) or "none"
    raise Lost(f"no PC/SC reader fits '{pattern}'; there: {there}. Is it plugged in?")
