"""The service menu on the screen (technician.md): pages as pure functions from a `View` to a `Picture`, and its own
part of the flow (`flow.py`). Read `desk.py` first: what a technician has before him.
"""
