#!/bin/sh
# Two hundred rounds of kill -9 under load (tests/e2e/test_kill.py has twenty): bench/kill.sh [ROUNDS]
cd "$(dirname "$0")/.." && exec python3 tests/e2e/test_kill.py "${1:-200}"
