#!/usr/bin/env bash
# A whole simulated station on this machine, in one command. Arguments are those of: chargepoint demo --help
set -euo pipefail

root="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)"
"$root/scripts/setup.sh"
exec "$root/.venv/bin/python" -m chargepoint demo "$@"
