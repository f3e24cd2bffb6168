"""Rule files from paths: the one place where this package reads files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from falcon_rules.diagnostics import Code, Diagnostic, Place, Severity
from falcon_rules.model import documents

SUFFIXES = (".yaml", ".yml")
TESTS = (".tests.yaml", ".tests.yml")
"""How files of rule tests end: they lie beside rules and are none."""
MAX_BYTES = 64 * 1024 * 1024
"""Larger files are refused unread: a mistyped path (a device, an image) must not fill the memory."""


def read(paths: Iterable[str | Path], *, with_tests: bool = False) -> tuple[list[documents.Document], list[Diagnostic]]:
    """The documents in order, and what could not be read.

    A directory stands for the rule files directly in it, in the order of their names. with_tests: for files of tests
    in it, too.
    """
    found: list[documents.Document] = []
    problems: list[Diagnostic] = []
    for path in map(Path, paths):
        for file in _files(path, problems, with_tests):
            try:
                found.append(documents.Document(str(file), _text(file)))
            except OSError as error:
                problems.append(_problem(file, error.strerror or str(error)))
    return found, problems


def is_test(file: str | Path) -> bool:
    """Whether a file holds tests, by its name."""
    return str(file).endswith(TESTS)


def _files(path: Path, problems: list[Diagnostic], with_tests: bool) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    try:
        files = sorted(each for each in path.iterdir() if each.suffix in SUFFIXES and not each.name.startswith("."))
        files = [each for each in files if with_tests or not is_test(each)]
    except OSError as error:
        problems.append(_problem(path, error.strerror or str(error)))
        return
    if not files:
        problems.append(_problem(path, "the directory has no files that end in .yaml or .yml"))
    yield from files


def _text(file: Path) -> str:
    if file.exists() and not file.is_file():
        raise OSError(0, "not a regular file")
    if file.stat().st_size > MAX_BYTES:
        raise OSError(0, f"larger than {MAX_BYTES // 2**20} MiB")
    return file.read_bytes().decode("utf-8", "surrogateescape")


def _problem(path: Path, reason: str) -> Diagnostic:
    return Diagnostic(Severity.ERROR, Code.ERR_FILE_READ, f"cannot read: {reason}", Place(str(path), 1, 1))
