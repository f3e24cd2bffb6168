"""Arguments of `falcon-hub`. Imports of the commands are inside their functions: each loads only what it needs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from falcon_hub.cli import sinks, users

FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit code: 0, 1 for what went wrong, 2 for wrong use."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
    except BrokenPipeError:
        sys.stderr.close()
        return FAILED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="falcon-hub", description="Takes alerts, keeps them, sends them on and shows them."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    serve = commands.add_parser("serve", help="run the hub until Ctrl-C", description="Run the hub.")
    _configured(serve)
    serve.set_defaults(command=_serve)
    sinks.add(commands, _configured)
    users.add(commands, _configured)
    settings = commands.add_parser("settings", help="print all settings with their defaults as YAML")
    settings.set_defaults(command=_settings)
    return parser


def _configured(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-c", "--config", metavar="FILE", help="settings (`falcon-hub settings` prints all of them)")
    parser.add_argument(
        "-o",
        "--option",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="one setting, such as -o listen.port=2801; the value is YAML; wins over -c",
    )


def _serve(options: argparse.Namespace) -> int:
    from falcon_hub.app import serve

    return serve.run(serve.Request(options.config, tuple(options.option)), os.environ)


def _settings(_options: argparse.Namespace) -> int:
    from falcon_hub.settings import document

    sys.stdout.write(document.text())
    return 0
