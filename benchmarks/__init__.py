"""Figures of a whole station on this machine: `scripts/bench.sh`. See docs/benchmarks.md."""
