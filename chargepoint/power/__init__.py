"""Sharing power among connectors: pure rules, no input or output (power.md).

`topology` what is installed, `modules` what a module gives at a voltage, `allocation` who gets how much and by which
modules, `switching` the safe single steps from one allocation to the next, `guard` which of them may not be.
"""
