"""Whether the environment has what pyproject.toml asks for; names what is missing. usage: installed.py [EXTRA,EXTRA...]

Versions are not compared; `setup.sh` asks only when the package index does not answer.
"""

import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
wanted = list(project["dependencies"])
for extra in filter(None, (sys.argv[1] if len(sys.argv) > 1 else "").split(",")):
    wanted += project["optional-dependencies"][extra]
missing = []
for requirement in [project["name"], *wanted]:
    name = re.match(r"[A-Za-z0-9_.-]+", requirement)
    assert name is not None
    try:
        importlib.metadata.version(name[0])
    except importlib.metadata.PackageNotFoundError:
        missing.append(requirement)
if missing:
    sys.exit("setup: not installed: " + ", ".join(missing))
