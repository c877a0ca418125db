"""The driver's screens, one file each: a pure function from a `View` to a `Picture`."""
