"""The command line's arguments, and which command they mean.

Imports of the commands are inside their functions: what one needs (an installed sensor, YAML that
keeps comments) must not delay the others.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from falcon_rules.cli import failures

_PATHS = "a rule file, or a directory: its .yaml and .yml files by name"


def run(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 all well, 1 errors in rules (`diff`: differences), 2 (by argparse) wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
    except failures.Failure as failure:
        print(f"falcon-rules: {failure}", file=sys.stderr)
        return failure.code
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="falcon-rules", description="Work with Falcon's rules.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_check(commands)
    _add_explain(commands)
    _add_test(commands)
    _add_listings(commands)
    _add_diff(commands)
    _add_convert(commands)
    return parser


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str, more: str = ""
) -> argparse.ArgumentParser:
    """A command that can print JSON. more: what its own help says beyond `text`."""
    command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.{more}")
    command.add_argument("--json", action="store_true", help="print JSON instead of text")
    return command


def _add_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _add(
        commands,
        "check",
        "compile rule files and report what is wrong with them",
        " Files come in the order given. Warnings also tell of what is legal and most likely not meant.",
    )
    command.add_argument("paths", nargs="+", metavar="PATH", help=_PATHS)
    command.add_argument("--no-lint", action="store_true", help="only what the compiler says")
    command.set_defaults(command=_check)


def _check(options: argparse.Namespace) -> int:
    from falcon_rules.cli import check

    return check.check(options.paths, options.json, sys.stdout, lint=not options.no_lint)


def _add_explain(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _add(commands, "explain", "show what a rule has become: expanded, in the kernel, as Python")
    command.add_argument("rule", metavar="RULE", help="the rule's name")
    command.add_argument("-r", "--rules", nargs="+", action="extend", required=True, metavar="PATH", help=_PATHS)
    command.add_argument("--c", action="store_true", help="the C of the kernel's filter")
    command.add_argument("--python", action="store_true", help="the Python that evaluates the condition")
    command.set_defaults(command=_explain)


def _explain(options: argparse.Namespace) -> int:
    from falcon_rules.cli import explain

    request = explain.Request(options.rule, tuple(options.rules), options.c, options.python, options.json)
    return explain.explain(request, sys.stdout)


def _add_test(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _add(
        commands,
        "test",
        "try rules against the tests that lie beside them",
        " Tests stand in files that end in .tests.yaml, and in spec.tests of FalconRule manifests.",
    )
    command.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="rules, tests, manifests, or directories; tests alone find rules beside",
    )
    command.set_defaults(command=_test)


def _test(options: argparse.Namespace) -> int:
    from falcon_rules.cli import test

    return test.test(options.paths, options.json, sys.stdout)


def _add_listings(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    fields = _add(commands, "fields", "list the fields rules may use, and which an installed sensor can fill")
    fields.add_argument("name", nargs="?", metavar="NAME", help="one field, in full")
    fields.add_argument("--class", dest="category", metavar="CLASS", help="those of one class, such as proc")
    fields.set_defaults(command=_fields)
    events = _add(commands, "events", "list the event types, their arguments, and which an installed sensor watches")
    events.add_argument("name", nargs="?", metavar="NAME", help="one event type, in full")
    events.set_defaults(command=_events)


def _fields(options: argparse.Namespace) -> int:
    from falcon_rules.cli import listings

    return listings.fields(options.name, options.category, options.json, sys.stdout)


def _events(options: argparse.Namespace) -> int:
    from falcon_rules.cli import listings

    return listings.event_types(options.name, options.json, sys.stdout)


def _add_diff(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _add(
        commands,
        "diff",
        "tell which rules mean something else",
        " Rules are compared with their macros and lists put in. The exit code is that of diff: 0 the same, "
        "1 different, 2 trouble.",
    )
    command.add_argument("old", metavar="OLD", help=_PATHS)
    command.add_argument("new", metavar="NEW", help=_PATHS)
    command.set_defaults(command=_diff)


def _diff(options: argparse.Namespace) -> int:
    from falcon_rules.cli import diff

    return diff.diff(options.old, options.new, options.json, sys.stdout)


def _add_convert(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = _add(
        commands,
        "convert",
        "write a rule file as manifests, with its comments",
        " Each complete rule becomes a ClusterFalconRule; macros, lists and the rest become one FalconRuleSet.",
    )
    command.add_argument("file", metavar="FALCO.yaml", help="a rule file")
    command.add_argument("-o", "--output", required=True, metavar="DIR", help="the folder for the manifests")
    command.add_argument("--force", action="store_true", help="replace files that are there")
    command.set_defaults(command=_convert)


def _convert(options: argparse.Namespace) -> int:
    from falcon_rules.cli import convert

    return convert.convert(options.file, options.output, sys.stdout, force=options.force, as_json=options.json)
