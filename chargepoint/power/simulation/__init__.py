"""A DC plant in numbers: groups, contactors, outputs and vehicles, good and bad (power.md 5 and 6). Pure.

`plant.Plant` is the door: give it orders, let time pass, ask what is measured, and look up what truly happened
(`truth`). `nature` says how its parts behave. `day.run` lives through a whole day of a `scenario`, with the plant
(`machinery`) or without; `plot.svg` draws it.
"""
