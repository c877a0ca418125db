"""Who hears which frames of a CAN bus. A node that babbles must not take the processor from the rest."""

from __future__ import annotations

import logging
from collections.abc import Callable

from drivers.codecs.can import CanFrame

log = logging.getLogger(__name__)

Heard = Callable[[CanFrame], None]

MOST_PER_WINDOW = 200
"""Frames of one identifier that are handed on in each tenth of a second."""
_WINDOW_S = 0.1
_MOST_KNOWN = 4096  # identifiers of which is remembered who listens to them
_MOST_LISTENERS = 1024


class _Listener:
    """Somebody who hears the frames whose identifier is `can_id` where `mask` has a 1."""

    __slots__ = ("can_id", "heard", "is_extended", "mask")

    def __init__(self, heard: Heard, can_id: int, mask: int, is_extended: bool | None) -> None:
        self.heard, self.can_id, self.mask, self.is_extended = heard, can_id & mask, mask, is_extended

    def wants(self, can_id: int, is_extended: bool) -> bool:
        return can_id & self.mask == self.can_id and self.is_extended in (None, is_extended)


class _Known:
    """An identifier that has been seen: who listens to it, and how many frames of it came in this window."""

    __slots__ = ("count", "heard", "version", "window")

    def __init__(self) -> None:
        self.heard: tuple[Heard, ...] = ()
        self.version, self.window, self.count = -1, -1, 0


class Listeners:
    """Those of the port `name`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._listeners: list[_Listener] = []
        self._known: dict[tuple[int, bool], _Known] = {}
        self._version = 0

    def add(self, heard: Heard, can_id: int, mask: int, is_extended: bool | None) -> Callable[[], None]:
        """Returns what ends it. Raises OverflowError."""
        if len(self._listeners) >= _MOST_LISTENERS:
            raise OverflowError(f"port '{self._name}': {_MOST_LISTENERS} are listening already")
        listener = _Listener(heard, can_id, mask, is_extended)
        self._listeners.append(listener)
        self._version += 1

        def unlisten() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)
                self._version += 1

        return unlisten

    def hand_on(self, can_id: int, is_extended: bool, data: bytes, now_s: float) -> bool:
        """Give a frame to all who want it; False when it is one too many of its identifier."""
        known = self._known.get((can_id, is_extended))
        if known is None or known.version != self._version:
            known = self._know(can_id, is_extended)
        if not known.heard:
            return True
        window = int(now_s / _WINDOW_S)
        if known.window != window:
            known.window, known.count = window, 0
        known.count += 1
        if known.count > MOST_PER_WINDOW:
            return False
        came = CanFrame(can_id, data, is_extended)
        for heard in known.heard:
            try:
                heard(came)
            except Exception:  # a driver that does not understand its device must not end the bus
                log.exception("port '%s': frame %s was not understood", self._name, came)
        return True

    def _know(self, can_id: int, is_extended: bool) -> _Known:
        """Who listens to an identifier, found out anew after somebody began or ended to listen."""
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        known = self._known.setdefault((can_id, is_extended), _Known())
        known.heard = tuple(each.heard for each in self._listeners if each.wants(can_id, is_extended))
        known.version = self._version
        return known
