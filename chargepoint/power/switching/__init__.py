"""Closing and opening contactors safely: `Sequencer.tick` (power.md 5 and 6)."""

from chargepoint.power.switching.sequencer import Sequencer
from chargepoint.power.switching.settings import SwitchingSettings
from chargepoint.power.switching.start_up import explained

__all__ = ["Sequencer", "SwitchingSettings", "explained"]
