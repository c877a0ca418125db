"""Lights follow a charge: strips, lamps on outputs; quiet while nothing moves, and never in the way of polls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chargepoint.station.cabinet.light_patterns import BLUE, GREEN
from drivers.interfaces import Rgb
from tests.journeys.cabinets import MODULE, light_state, output_state, switchings
from tests.journeys.rig import Rig
from tests.journeys.steps import TWO_AC

STRIP = """
[[port]]
name = "spi"
kind = "spi"
device = "/dev/spidev0.0"
[[light]]
name = "front"
driver = "spi_ws281x"
port = "spi"
pixels = 20
segments = [2, 1]
"""
LAMPS = """
[[output]]
name = "red"
function = "light_red"
io = "io"
channel = 0
connector = 1
[[output]]
name = "green"
function = "light_green"
io = "io"
channel = 1
connector = 1
[[output]]
name = "buzzer"
function = "buzzer"
io = "io"
channel = 2
connector = 1
"""


def strip(rig: Rig) -> Any:
    return rig.simulated.model("light", "front")


def segment(rig: Rig, connector: int) -> tuple[Rgb, ...]:
    """The half of the strip that is a connector's: 2 comes first."""
    frame: tuple[Rgb, ...] = strip(rig).frame
    return frame[:10] if connector == 2 else frame[10:]


async def test_each_connector_has_its_part_of_the_strip(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC + STRIP, is_linked=False) as rig:
        await rig.until(lambda: segment(rig, 1) == (GREEN,) * 10)
        assert segment(rig, 2) == (GREEN,) * 10
        before = strip(rig).shown
        await rig.advance(20)
        assert strip(rig).shown - before <= 11, "what does not move is only told again now and then"
        rig.plug(1, current_a=16)
        await rig.until_status("READY", 1)
        await rig.tap()
        await rig.until_status("CHARGING", 1)
        await rig.advance(2.5)
        assert light_state(rig, "front").is_answering
        assert light_state(rig, "front").patterns[1].startswith("charging")
        assert light_state(rig, "front").patterns[2] == "available"
        assert segment(rig, 2) == (GREEN,) * 10
        assert all(red == 0 and blue >= green for red, green, blue in segment(rig, 1)), "shades of blue"
        assert max(blue for _, _, blue in segment(rig, 1)) <= BLUE[2]
        before = strip(rig).shown
        await rig.advance(10)
        assert 100 <= strip(rig).shown - before <= 151
        rig.simulated.emergency(True)
        await rig.until(lambda: segment(rig, 1) == ((255, 0, 0),) * 10, 5)


async def test_a_refused_card_is_seen(tmp_path: Path) -> None:
    change = {"access": {"white": ["0BADCAFE"]}}
    async with Rig(tmp_path, TWO_AC + STRIP, is_linked=False, change=change) as rig:
        rig.plug(1)
        await rig.until_status("READY", 1)
        await rig.tap("04A2B3C4")
        await rig.until(lambda: "card_refused" in light_state(rig, "front").patterns.values(), 4)
        await rig.until(lambda: any(red and not green for red, green, _ in strip(rig).frame), 2)
        await rig.advance(6)
        assert "card_refused" not in light_state(rig, "front").patterns.values()


async def test_where_a_cable_is_to_be_plugged_in_the_light_says_so(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC + STRIP, is_linked=False) as rig:
        await rig.until(lambda: segment(rig, 1) == (GREEN,) * 10)
        await rig.tap()
        await rig.until(lambda: light_state(rig, "front").patterns == {1: "choose", 2: "choose"}, 3)
        await rig.until(lambda: not any(any(colour) for colour in strip(rig).frame), 2)
        rig.plug(2)
        await rig.until(lambda: light_state(rig, "front").patterns == {1: "available", 2: "charging"}, 30)


async def test_lamps_on_outputs_show_the_colour_and_the_buzzer_sounds(tmp_path: Path) -> None:
    async with Rig(tmp_path, TWO_AC + MODULE + LAMPS, is_linked=False) as rig:
        await rig.until(lambda: output_state(rig, "green").is_on)
        assert not output_state(rig, "red").is_on
        await rig.advance(10)
        assert len(switchings(rig, 1)) == 1
        assert switchings(rig, 2) == []
        rig.plug(1)
        await rig.until_status("READY", 1)
        await rig.tap()
        await rig.until_status("CHARGING", 1)
        await rig.tap()
        await rig.until_status("CHARGED", 1)
        await rig.advance(3)
        assert len(switchings(rig, 2)) == 8, "short and long with the card, two tones at the end"
        rig.simulated.emergency(True)
        await rig.until(lambda: output_state(rig, "red").is_on and not output_state(rig, "green").is_on)
