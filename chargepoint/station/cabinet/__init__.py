"""The cabinet round the connectors: inputs, contactors, climate, lights, mains. `assembly.py` puts it together."""
