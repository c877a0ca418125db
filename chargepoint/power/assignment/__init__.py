"""Which groups of modules feed which outputs: `assign.assign` is the door, `need` its words."""
