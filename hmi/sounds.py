"""Short tones from the computer's speaker, made here, not packaged: a card accepted (rising), refused (falling), the
end of a charge (two tones), a key. The audio device is opened when the first of them is wanted; none is no fault.

Opening it and making the tones takes a third of a second: a thread does it, the screen does not wait."""

from __future__ import annotations

import array
import logging
import math
import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pygame import mixer

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
log = logging.getLogger(__name__)
RATE_HZ = 22_050
LOUDEST = 20_000
MOST_WAITING = 3
FADE_S = 0.012
"""Into and out of a tone, so that it does not click."""

Tone = tuple[float, float]
"""Hz (0: silence) and seconds."""
SOUNDS: dict[str, Sequence[Tone]] = {
    "accepted": ((523.25, 0.11), (659.25, 0.11), (783.99, 0.20)),
    "refused": ((440.0, 0.16), (349.23, 0.16), (261.63, 0.26)),
    "ended": ((659.25, 0.22), (0.0, 0.06), (523.25, 0.34)),
    "key": ((1200.0, 0.025),),
}


def samples(tones: Sequence[Tone]) -> bytes:
    """16 bits, one channel, `RATE_HZ`."""
    found = array.array("h")
    for pitch_hz, long_s in tones:
        count, fade = round(long_s * RATE_HZ), max(1, round(FADE_S * RATE_HZ))
        for number in range(count):
            loud = min(1.0, number / fade, (count - number) / fade) if pitch_hz else 0.0
            angle = 2 * math.pi * pitch_hz * number / RATE_HZ
            found.append(round(LOUDEST * loud * (0.8 * math.sin(angle) + 0.2 * math.sin(2 * angle))))
    return found.tobytes()


class Speaker:
    """Plays sounds by name; see `hmi.panel.Speaker`. `volume` is 0 to 1."""

    def __init__(self, volume: float = 0.7) -> None:
        self.volume = volume
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sounds")
        self._waiting: list[Future[None]] = []
        self._made: dict[str, mixer.Sound] = {}
        self._is_open: bool | None = None

    def play(self, sound: str) -> None:
        """Returns at once. Of many sounds at a time the later ones are left out. Raises KeyError for an unknown one."""
        tones = SOUNDS[sound]
        self._waiting = [one for one in self._waiting if not one.done()]
        if self._is_open is not False and len(self._waiting) < MOST_WAITING:
            self._waiting.append(self._thread.submit(self._play, sound, tones, self.volume))

    def close(self) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)
        if self._is_open:
            from pygame import mixer

            mixer.quit()

    def _play(self, sound: str, tones: Sequence[Tone], volume: float) -> None:
        from pygame import error, mixer

        try:
            if self._is_open is None:
                mixer.init(RATE_HZ, -16, 1, 512, allowedchanges=0)
                self._is_open = True
            if sound not in self._made:
                self._made[sound] = mixer.Sound(buffer=samples(tones))
            self._made[sound].set_volume(max(0.0, min(1.0, volume)))
            self._made[sound].play()
        except error as reason:
            log.info("no sounds: %s", reason)
            self._is_open = False
