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

# Two rows beside each other, for two processors, of about the same length: the checks and the journeys; and all else.
# Tests in real time mostly wait, so they begin the second row.
second=(tests/drivers tests/ocpp_client tests/chargepoint tests/hmi)
if [ $# -gt 0 ]; then
    checks
    "${pytest[@]}" "$@"
    tests=$?
else
    log=$(mktemp)
    (
        trap 'kill "$child" 2>/dev/null; exit 1' TERM
        status=0
        "${pytest[@]}" -m realtime -p no:cacheprovider & child=$!
        wait "$child" || status=1
        "${pytest[@]}" -m "not realtime" -p no:cacheprovider "${second[@]}" & child=$!
        wait "$child" || status=1
        exit $status
    ) >"$log" 2>&1 &
    beside=$!
    trap 'kill "$beside" 2>/dev/null' EXIT INT TERM
    checks
    "${pytest[@]}" -m "not realtime" "${second[@]/#/--ignore=}"
    tests=$?
    wait "$beside" || tests=1
    trap - EXIT INT TERM
    echo "tests in real time, then ${second[*]}:"
    cat "$log"
    rm -f "$log"
fi
[ $tests -eq 0 ] && [ ${#failed[@]} -eq 0 ]
