#!/bin/sh
# Figures of a whole station on this machine, as one table; docs/benchmarks.md tells what they mean.
# usage: scripts/bench.sh [--quick] [--folder DIR] [NAME...]
set -eu
cd "$(dirname "$0")/.."
scripts/setup.sh bench screen
exec .venv/bin/python -m benchmarks "$@"
