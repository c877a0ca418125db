"""The commutation scheme: modules, contactors and outputs as one picture (webconfig.md 5). Pure.

`scheme.py` what is shown, `contradictions.py` what cannot be, `places.py` where it stands, `values.py` what changes,
`drawing.py` the SVG.
"""
