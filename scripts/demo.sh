#!/usr/bin/env bash
# A whole simulated station on this machine, in one command. Arguments are those of: chargepoint demo --help
set -euo pipefail

root="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)"
extras=()
for argument in "$@"; do
    [ "$argument" = --screen ] && extras=(screen)
done
"$root/scripts/setup.sh" "${extras[@]}"
exec "$root/.venv/bin/python" -m chargepoint demo "$@"
