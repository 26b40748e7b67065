"""Lets `python -m bench` start the benchmark. It decides nothing itself."""

import sys

from bench.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
