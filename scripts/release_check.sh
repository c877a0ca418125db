#!/bin/bash
# Asks a database of known holes about what is in a release; docs/install.md tells how. Exit status 0: nothing speaks
# against it; 1: there are holes; 2: nothing was checked.
# usage: scripts/release_check.sh dist/chargepoint_VERSION_ARCH.cdx.json [--database URL] [--reviewed FILE]
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
tools=$("$here/build_tools.sh") || exit 2
exec "$tools/bin/python" "$here/release_check.py" "$@"
