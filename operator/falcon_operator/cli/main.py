"""Arguments of `falcon-operator`. Imports of commands are inside their functions: `check` needs no kopf."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

USAGE_ERROR = 2
FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; the exit code is 0, 1 for what went wrong, 2 for wrong use."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
    except BrokenPipeError:
        sys.stderr.close()
        return FAILED
    except KeyboardInterrupt:
        return FAILED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="falcon-operator", description="Brings Falcon's rules from custom resources to the sensors of a cluster."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    run = commands.add_parser(
        "run",
        help="watch the cluster until SIGTERM",
        description="Watch the cluster. Settings come from the environment: `falcon-operator settings` prints them.",
    )
    run.add_argument("--kubeconfig", metavar="FILE", help="a kubeconfig file (default: the pod's service account)")
    run.add_argument("--namespace", help="Falcon's own namespace")
    run.set_defaults(command=_run)

    crds = commands.add_parser("crds", help="write the custom resource definitions", description="Write the CRDs.")
    crds.add_argument("-o", "--output", metavar="DIR", help="a file for each into this folder (default: to stdout)")
    crds.set_defaults(command=_crds)

    check = commands.add_parser(
        "check",
        help="check manifests as the admission webhook would, without a cluster",
        description="Check manifests of rules and rule sets together. Other resources in the files are passed over.",
    )
    check.add_argument(
        "paths", nargs="+", metavar="PATH", help="a manifest, a folder with some (*.yaml, *.yml), or - for stdin"
    )
    check.set_defaults(command=_check)

    settings = commands.add_parser("settings", help="print all settings with their defaults")
    settings.set_defaults(command=_settings)
    return parser


def _run(options: argparse.Namespace) -> int:
    from falcon_operator.app import run
    from falcon_operator.cli import environment

    given = {"kubeconfig": options.kubeconfig, "namespace": options.namespace}
    settings = environment.settings({key: value for key, value in given.items() if value is not None})
    return USAGE_ERROR if settings is None else run.run(settings)


def _crds(options: argparse.Namespace) -> int:
    from falcon_operator.cli import crds

    return crds.write(options.output)


def _check(options: argparse.Namespace) -> int:
    from falcon_operator.cli import check

    return check.check(options.paths, sys.stdout)


def _settings(_: argparse.Namespace) -> int:
    from falcon_operator.cli import environment

    sys.stdout.write(environment.text())
    return 0
