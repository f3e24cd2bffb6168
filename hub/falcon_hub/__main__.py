"""`falcon-hub`, also as `python -m falcon_hub`."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Runs the command line and exits with its code."""
    # Until a command has handlers of its own, Ctrl-C just ends us: no traceback out of some import.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from falcon_hub.cli import main as cli

    sys.exit(cli.main())


if __name__ == "__main__":
    main()
