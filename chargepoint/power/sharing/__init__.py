"""Who gets how much power, by which groups, and why; `chargepoint.power.allocation` is the door."""
