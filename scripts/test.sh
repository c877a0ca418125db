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

check "ruff check" .venv/bin/ruff check .
check "ruff format" .venv/bin/ruff format --check .
check "mypy" .venv/bin/mypy
check "import-linter" .venv/bin/lint-imports
[ ${#failed[@]} -eq 0 ] || echo "FAILED: ${failed[*]}"

# A test that hangs is named with its stack and ends the run, instead of holding it up for ever.
pytest=(.venv/bin/pytest -o faulthandler_timeout=600 -o faulthandler_exit_on_timeout=true "${long[@]}")

# Tests in real time mostly wait: without arguments they run beside the others, and are shown when they are done.
if [ $# -gt 0 ]; then
    "${pytest[@]}" "$@"
    tests=$?
else
    log=$(mktemp)
    "${pytest[@]}" -m realtime -p no:cacheprovider >"$log" 2>&1 &
    beside=$!
    trap 'kill "$beside" 2>/dev/null' EXIT INT TERM
    "${pytest[@]}" -m "not realtime"
    tests=$?
    wait "$beside" || tests=1
    trap - EXIT INT TERM
    echo "tests in real time:"
    cat "$log"
    rm -f "$log"
fi
[ $tests -eq 0 ] && [ ${#failed[@]} -eq 0 ]
