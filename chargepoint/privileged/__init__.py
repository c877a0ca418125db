"""Network, clock and power of the computer by D-Bus; imported only by the helper, and late."""
