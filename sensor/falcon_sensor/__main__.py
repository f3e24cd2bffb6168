"""`falcon-sensor` and `python -m falcon_sensor`."""

from __future__ import annotations

import sys

from falcon_sensor.cli import main as cli


def main() -> None:
    sys.exit(cli.main())


if __name__ == "__main__":
    main()
