"""The list of components of a package, as CycloneDX JSON: of build_deb.sh, run with the build tools' Python.

Named are: the packages of Python in the tree (by cyclonedx-bom, with licences and package URLs), the shared libraries
that came inside of them, the OpenSSL that `cryptography` carries, the fonts, and the packages of Debian that the .deb
depends on (without versions: the system chooses). The result is checked against the schema.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

SPEC = "1.6"
OPENSSL = """
from cryptography.hazmat.backends.openssl import backend
print(backend.openssl_version_text())
"""
CARRIED = re.compile(r"(lib[A-Za-z0-9_+.-]+?)(?:-[0-9a-f]{8})?(\.[0-9.]+)?\.so(?:\.[0-9.]+)?$")


def of_python(tree: Path) -> dict[str, Any]:
    """What is installed in the tree. Raises CalledProcessError."""
    made = subprocess.run(
        [
            sys.executable,
            "-m",
            "cyclonedx_py",
            "environment",
            "--spec-version",
            SPEC,
            "--output-format",
            "JSON",
            "--output-reproducible",
            str(tree / "bin/python"),
        ],
        check=True,
        capture_output=True,
    )
    found: dict[str, Any] = json.loads(made.stdout)
    return found


def carried(site: Path) -> list[dict[str, Any]]:
    """Shared libraries that wheels bring along in folders NAME.libs, and OpenSSL inside of cryptography."""
    found = []
    for library in sorted(site.glob("*.libs/*")):
        matched = CARRIED.match(library.name)
        if matched is not None:
            found.append(
                _component("library", f"{matched[1]}{matched[2] or ''}", within=library.parent.name, file=library.name)
            )
    return found


def openssl(tree: Path) -> list[dict[str, Any]]:
    """The OpenSSL linked into cryptography. Raises CalledProcessError."""
    said = subprocess.run([tree / "bin/python", "-I", "-c", OPENSSL], check=True, capture_output=True, text=True).stdout
    version = said.split()[1]
    component = _component("library", "openssl", within="cryptography")
    return [component | {"version": version, "cpe": f"cpe:2.3:a:openssl:openssl:{version}:*:*:*:*:*:*:*"}]


def fonts(site: Path) -> list[dict[str, Any]]:
    """Fonts of the screen."""
    return [
        _component("file", font.name, within="chargepoint") | {"licenses": [{"license": {"id": "OFL-1.1"}}]}
        for font in sorted((site / "hmi/fonts").glob("*.[ot]tf"))
    ]


def of_debian(control: Path) -> list[dict[str, Any]]:
    """Packages of the system that the .deb depends on or recommends; of alternatives each."""
    found: dict[str, dict[str, Any]] = {}
    for line in control.read_text(encoding="utf-8").splitlines():
        kind, _, rest = line.partition(": ")
        if kind not in ("Depends", "Recommends"):
            continue
        for name in re.findall(r"(?:^|[,|]\s*)([a-z0-9][a-z0-9.+-]+)", rest):
            component = _component("library", name, within="debian") | {
                "purl": f"pkg:deb/debian/{name}?distro=bookworm"
            }
            component["scope"] = "required" if kind == "Depends" else "optional"
            found.setdefault(name, component)
    return list(found.values())


def _component(kind: str, name: str, *, within: str, file: str = "") -> dict[str, Any]:
    properties = [{"name": "chargepoint:within", "value": within}]
    if file:
        properties.append({"name": "chargepoint:file", "value": file})
    return {"type": kind, "name": name, "bom-ref": f"{within}/{file or name}", "properties": properties}


def main() -> int:
    """Exit status 0; 1 when the result does not fit the schema."""
    parser = argparse.ArgumentParser(description="the list of components of a package")
    parser.add_argument("--tree", type=Path, required=True)
    parser.add_argument("--control", type=Path, required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()

    site = arguments.tree / "lib/python3.11/site-packages"
    found = of_python(arguments.tree)
    own = [part for part in found["components"] if part["name"] == "chargepoint"]
    others = [part for part in found["components"] if part["name"] != "chargepoint"]
    for part in own:  # where it lay while it was built is of no use to anybody
        part.pop("externalReferences", None)
    root = own[0] | {"type": "application", "version": arguments.version}
    extra = [*carried(site), *openssl(arguments.tree), *fonts(site), *of_debian(arguments.control)]
    made_at = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), UTC)
    found["components"] = sorted(others + extra, key=lambda part: str(part["bom-ref"]))
    found["metadata"] = found.get("metadata", {}) | {
        "component": root,
        "timestamp": made_at.isoformat(),
        "lifecycles": [{"phase": "build"}],
    }
    needed = next((row for row in found["dependencies"] if row["ref"] == root["bom-ref"]), None)
    if needed is None:
        needed = {"ref": root["bom-ref"]}
        found["dependencies"].append(needed)
    needed["dependsOn"] = sorted({*needed.get("dependsOn", ()), *(str(part["bom-ref"]) for part in extra)})
    found["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(found, sort_keys=True)).urn

    text = json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    error = JsonStrictValidator(SchemaVersion.from_version(SPEC)).validate_str(text)
    if error is not None:
        print(f"sbom: it does not fit the schema of CycloneDX {SPEC}: {error}", file=sys.stderr)
        return 1
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
