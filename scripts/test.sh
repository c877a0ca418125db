#!/bin/bash
# All checks: environment, ruff, mypy --strict, import-linter, then all tests. Ends with pytest's summary lines.
# usage: scripts/test.sh [--long] [PYTEST ARGUMENT...]
#   --long   also the fuzz and kill rounds beyond the ten minutes
# Every check runs even when one before it failed; the exit status is 0 only when all are well.
set -u
cd "$(dirname "$0")/.." || exit 1

long=()
if [ "${1:-}" = "--long" ]; then
    long=(--long)
    shift
fi
scripts/setup.sh dev || exit 1
unset PYTHONDONTWRITEBYTECODE # the tests start hundreds of processes; each would compile all sources anew

failed=()
check() {
    local name=$1 log
    shift
    log=$(mktemp)
    local begin=$SECONDS
    if "$@" >"$log" 2>&1; then
        echo "$name: good ($((SECONDS - begin)) s)"
    else
        failed+=("$name")
        cat "$log"
        echo "$name: FAILED ($((SECONDS - begin)) s)"
    fi
    rm -f "$log"
}

checks() {
    check "ruff check" .venv/bin/ruff check .
    check "ruff format" .venv/bin/ruff format --check .
    check "mypy" .venv/bin/mypy
    check "import-linter" .venv/bin/lint-imports
    [ ${#failed[@]} -eq 0 ] || echo "FAILED: ${failed[*]}"
}

# A test that hangs is named with its stack and ends the run, instead of holding it up for ever.
pytest=(.venv/bin/pytest -o faulthandler_timeout=600 -o faulthandler_exit_on_timeout=true "${long[@]}")

# Rows beside each other, so that two processors are busy to the end: tests in real time mostly wait, the journeys and all
# else reckon about as long as each other.
elsewhere=(tests/drivers tests/ocpp_client tests/chargepoint tests/hmi tests/webconfig tests/journeys/test_power_cuts.py
    tests/journeys/test_offline.py tests/journeys/test_power_limits.py tests/journeys/test_supply.py)
names=() pids=() logs=()
row() {
    local log
    log=$(mktemp)
    (
        trap 'kill "$child" 2>/dev/null; exit 1' TERM
        "${pytest[@]}" -p no:cacheprovider "${@:2}" & child=$!
        wait "$child"
    ) >"$log" 2>&1 &
    names+=("$1") pids+=($!) logs+=("$log")
}

tests=0
if [ $# -gt 0 ]; then
    checks
    "${pytest[@]}" "$@" || tests=1
else
    trap 'kill "${pids[@]}" 2>/dev/null' EXIT INT TERM
    mapfile -t real < <(grep -rl "realtime" tests --include="test_*.py" | grep -v "^tests/system/")
    row "tests/system in real time" -m realtime tests/system
    row "other tests in real time" -m realtime "${real[@]}"
    row "${elsewhere[*]}" -m "not realtime" "${elsewhere[@]}"
    row "journeys and the rest" -m "not realtime" "${elsewhere[@]/#/--ignore=}"
    checks
    for n in "${!pids[@]}"; do
        wait "${pids[n]}" || tests=1
        echo "${names[n]}:"
        cat "${logs[n]}"
        rm -f "${logs[n]}"
    done
    trap - EXIT INT TERM
fi
[ $tests -eq 0 ] && [ ${#failed[@]} -eq 0 ]
