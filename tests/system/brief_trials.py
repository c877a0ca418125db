"""`python -m tests.system.brief_trials run ...`: the station itself, its trials of a new station file in seconds.

What takes a minute in the street is all there, only shorter: a station that is well for HEALTHY_S is asked about, and
whoever is asked has KEEP_WITHIN_S.
"""

from __future__ import annotations

import sys

from chargepoint import trial_watch
from chargepoint.__main__ import main

HEALTHY_S = 1.0
KEEP_WITHIN_S = 5.0

if __name__ == "__main__":
    trial_watch.HEALTHY_S = trial_watch.NETWORK_HEALTHY_S = HEALTHY_S
    trial_watch.KEEP_WITHIN_S = KEEP_WITHIN_S
    sys.exit(main())
