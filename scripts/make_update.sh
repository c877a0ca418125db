#!/bin/sh
# Makes keys and update packages, shows and checks packages; docs/updates.md tells how.
# usage: scripts/make_update.sh keys|application|web|controllers|show ... (--help)
set -eu
here="$(cd -- "$(dirname -- "$0")/.." && pwd -P)"
[ -x "$here/.venv/bin/python" ] || "$here/scripts/setup.sh" >&2
PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}" exec "$here/.venv/bin/python" -m fota.make_update "$@"
