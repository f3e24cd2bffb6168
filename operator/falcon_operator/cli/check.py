"""`falcon-operator check`: what admission would say of manifests, without a cluster.

All manifests are taken together: a rule may use the macros of a rule set in another file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import yaml

from falcon_operator.admission import checking, reviews
from falcon_operator.reconcile import catalog, resources
from falcon_rules.model import manifests

_SUFFIXES = (".yaml", ".yml")


class _Unreadable(Exception):
    """A file that is no manifest; the message says where and why."""


def check(paths: Sequence[str], out: TextIO) -> int:
    """Prints findings and a summary; the exit code is 1 if something would be refused, else 0."""
    try:
        found = list(_resources(paths))
    except _Unreadable as error:
        print(f"falcon-operator: {error}", file=sys.stderr)
        return 1
    known = catalog.Catalog()
    for resource in found:
        known.put(resource)
    known.compile()
    checker = checking.Checker(known, lambda: True)
    refused = warned = 0
    for resource in found:
        answer = checker.check(resource)
        refused += bool(answer.errors)
        warned += len(answer.warnings)
        _print(resource, answer, out)
    out.write(f"{len(found)} rules and rule sets, {refused} refused, {warned} warnings\n")
    return 1 if refused else 0


def _print(resource: resources.Resource, answer: reviews.Answer, out: TextIO) -> None:
    if answer.errors:
        out.write(f"{resource.ref}: {reviews.message(answer.errors)}\n")
    for warning in answer.warnings:
        out.write(f"warning: {warning}\n")


def _resources(paths: Iterable[str]) -> Iterator[resources.Resource]:
    for name, text in _files(paths):
        try:
            documents = list(yaml.load_all(text, Loader=yaml.CSafeLoader))
        except yaml.YAMLError as error:
            raise _Unreadable(f"{name} is not YAML: {error}") from None
        for document in documents:
            for body in _bodies(document):
                try:
                    yield resources.Resource.of(body)
                except (KeyError, ValueError, TypeError, AttributeError) as error:
                    raise _Unreadable(f"{name}: a {body.get('kind')} without {error}") from None


def _bodies(document: Any) -> Iterator[dict[str, Any]]:
    """Resources of ours that admission looks at, also those in a List."""
    if not isinstance(document, dict):
        return
    if isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from _bodies(item)
    group = str(document.get("apiVersion", "")).partition("/")[0]
    if group == manifests.GROUP and document.get("kind") != manifests.Kind.NODE:
        yield document


def _files(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    try:
        for path in paths:
            if path == "-":
                yield "stdin", sys.stdin.read()
            elif Path(path).is_dir():
                for file in sorted(each for each in Path(path).rglob("*") if each.suffix in _SUFFIXES):
                    yield str(file), file.read_text(encoding="utf-8")
            else:
                yield path, Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _Unreadable(f"cannot read: {error}") from None
