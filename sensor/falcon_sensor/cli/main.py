"""Arguments of `falcon-sensor`.

Imports of the commands are inside their functions: the first thing `run` does is to start the
process that compiles the rules, and everything imported before that delays the first alert.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence

USAGE_ERROR = 2
FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit code: 0, 1 for what went wrong, 2 for wrong use."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
    except BrokenPipeError:
        # Whoever read our table has seen enough.
        sys.stderr.close()
        return FAILED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="falcon-sensor", description="Watches this machine with eBPF and reports what Falco rules match."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    run = commands.add_parser("run", help="load rules and watch until Ctrl-C", description="Load rules and watch.")
    run.add_argument(
        "-r",
        "--rules",
        metavar="PATH",
        nargs="+",
        action="extend",
        help="rule files, or directories whose *.yaml files are taken in name order (instead of rules_files)",
    )
    run.add_argument("-c", "--config", metavar="FILE", help="settings (`falcon-sensor settings` prints all of them)")
    run.add_argument(
        "-o",
        "--option",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="one setting, such as -o file_output.enabled=true; the value is YAML; wins over -c",
    )
    run.add_argument("--json", action="store_true", help="one JSON object a line on stdout, the summary on stderr")
    run.add_argument("--duration", metavar="SECONDS", type=_seconds, help="stop by itself after this time")
    run.set_defaults(command=_run)

    record = commands.add_parser(
        "record",
        help="write down what happens, to try rules on it later",
        description="Write down events and what is known about them. Recordings hold command lines and environments.",
    )
    record.add_argument(
        "-o", "--output", metavar="FILE", required=True, help="the recording; one that is there is lost"
    )
    record.add_argument(
        "-r",
        "--rules",
        metavar="PATH",
        nargs="+",
        action="extend",
        help="only what these rules could want (default: all)",
    )
    record.add_argument("--duration", metavar="SECONDS", type=_seconds, help="stop by itself after this time")
    record.set_defaults(command=_record)

    replay = commands.add_parser(
        "replay",
        help="try rules on a recording; needs no root",
        description="Print what rules would have told of a recording. The same file and rules always print the same.",
    )
    replay.add_argument("recording", metavar="FILE", help="a file that `falcon-sensor record` made")
    replay.add_argument("-r", "--rules", metavar="PATH", nargs="+", action="extend", required=True, help="rule files")
    replay.add_argument("--json", action="store_true", help="one JSON object a line")
    replay.add_argument("--all", action="store_true", help="every rule that holds tells, not only the first")
    replay.set_defaults(command=_replay)

    check = commands.add_parser("check", help="what this kernel offers, and what is missing", description="Check.")
    check.add_argument("--json", action="store_true", help="as JSON")
    check.set_defaults(command=_check)

    settings = commands.add_parser("settings", help="print all settings with their defaults as YAML")
    settings.set_defaults(command=_settings)
    return parser


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return value


def _run(options: argparse.Namespace) -> int:
    from falcon_sensor.app import run

    request = run.Request(
        rules=tuple(options.rules or ()),
        config=options.config,
        options=tuple(options.option),
        json=options.json,
        duration=options.duration,
    )
    return run.run(request)


def _record(options: argparse.Namespace) -> int:
    from falcon_sensor.app import record

    return record.run(record.Request(options.output, tuple(options.rules or ()), options.duration))


def _replay(options: argparse.Namespace) -> int:
    from falcon_sensor.app import replay

    return replay.run(replay.Request(options.recording, tuple(options.rules), options.json, options.all))


def _check(options: argparse.Namespace) -> int:
    from falcon_sensor.cli import check

    return check.main(as_json=options.json)


def _settings(options: argparse.Namespace) -> int:
    from falcon_sensor.settings import document

    sys.stdout.write(document.text())
    return 0
