"""A DC plant in numbers: groups, contactors, outputs and vehicles, good and bad (power.md 5 and 6). Pure.

`plant.Plant` is the door: give it orders, let time pass, ask what is measured, and look up what truly happened
(`truth`). `nature` says how its parts behave.
"""
