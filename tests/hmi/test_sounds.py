from __future__ import annotations

import array
import itertools

import pytest

from hmi.sounds import FADE_S, LOUDEST, RATE_HZ, SOUNDS, Speaker, samples


@pytest.mark.parametrize("name", SOUNDS)
def test_tones_are_short_not_too_loud_and_do_not_click(name: str) -> None:
    made = array.array("h", samples(SOUNDS[name]))
    assert len(made) / RATE_HZ == pytest.approx(sum(long_s for _, long_s in SOUNDS[name]), abs=0.001)
    assert len(made) / RATE_HZ < 0.8
    assert LOUDEST / 2 < max(made) <= LOUDEST
    steps = [abs(after - before) for before, after in itertools.pairwise(made)]
    assert abs(made[0]) < 500 and abs(made[-1]) < 500
    assert max(steps) < LOUDEST * 0.5
    assert FADE_S * RATE_HZ > 100


def test_accepted_rises_refused_falls_and_the_end_has_two_tones() -> None:
    pitches = {name: [pitch for pitch, _ in tones if pitch] for name, tones in SOUNDS.items()}
    assert pitches["accepted"] == sorted(pitches["accepted"])
    assert pitches["refused"] == sorted(pitches["refused"], reverse=True)
    assert len(pitches["ended"]) == 2


def test_sounds_are_played_without_waiting_and_many_at_once_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
    speaker = Speaker()
    for _ in range(50):
        speaker.play("key")
    speaker.close()


def test_no_audio_device_is_no_fault(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("SDL_AUDIODRIVER", "disk")
    monkeypatch.setenv("SDL_DISKAUDIOFILE", "/nowhere/at/all")
    caplog.set_level("INFO")
    speaker = Speaker()
    speaker.play("accepted")
    speaker._thread.submit(lambda: None).result(timeout=20)
    speaker.play("refused")
    speaker.close()
    assert caplog.text.count("no sounds") == 1


def test_an_unknown_sound_is_an_error_of_ours() -> None:
    speaker = Speaker()
    with pytest.raises(KeyError):
        speaker.play("fanfare")
    speaker.close()
