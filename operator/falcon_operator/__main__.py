"""`falcon-operator`, also as `python -m falcon_operator`."""

from __future__ import annotations

import sys

from falcon_operator.cli import main as command


def main() -> None:
    sys.exit(command.main())


if __name__ == "__main__":
    main()
