"""`falcon-rules`, also as `python -m falcon_rules`."""

from __future__ import annotations

import gc
import os
import sys

from falcon_rules.cli import commands


def main() -> int:
    # A short-lived process that builds large trees and drops nothing: collecting costs a quarter of its time.
    gc.disable()
    try:
        return commands.run()
    except BrokenPipeError:
        # Whoever read the output has gone (`| head`); without this, Python complains while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(main())
