#!/bin/bash
# Makes the tools that build and check packages, unless they are there, and prints the folder of their environment.
# They are kept in ${XDG_CACHE_HOME:-~/.cache}/chargepoint.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
python=/usr/bin/python3.11
cache=${XDG_CACHE_HOME:-$HOME/.cache}/chargepoint
die() {
    echo "build_tools: $*" >&2
    exit 1
}
[ -x "$python" ] || die "$python is missing: the package runs with the Python 3.11 of Debian 12 (apt-get install python3.11)."
"$python" -c 'import ensurepip, venv' 2>/dev/null || die "python3-venv is missing (apt-get install python3-venv)."
mkdir -p "$cache"
exec 9>"$cache/build.lock"
flock 9 # one at a time makes what all share
tools=$cache/tools-$(sha256sum "$here/constraints-build.txt" | cut -c1-16)
if [ ! -e "$tools/made" ]; then
    echo "build_tools: making the build tools" >&2
    rm -rf "$tools"
    "$python" -m venv "$tools"
    "$tools/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/constraints-build.txt" >&2
    touch "$tools/made"
fi
echo "$tools"
