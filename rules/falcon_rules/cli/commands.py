"""The command line's arguments, and which command they mean."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from falcon_rules.cli import check


def run(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 all well, 1 errors in rules, 2 (by argparse) wrong usage."""
    options = _parser().parse_args(arguments)
    return check.check(options.paths, options.json, sys.stdout)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="falcon-rules", description="Work with Falcon's rules.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    checking = commands.add_parser(
        "check",
        help="compile rule files and report what is wrong with them",
        description="Compile rule files in the order given and report what is wrong with them.",
    )
    checking.add_argument(
        "paths", nargs="+", metavar="PATH", help="a rule file, or a directory: its .yaml and .yml files by name"
    )
    checking.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    return parser
