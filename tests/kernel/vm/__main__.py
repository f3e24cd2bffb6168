"""`make test-kernels`: the kernel's tests in virtual machines with Debian's kernels, with each backend.

    python -m tests.kernel.vm [SUITE ...] [-- PYTEST'S ARGUMENTS]

One line for each kernel and backend; what failed is printed below it. Ends with 1 if anything failed, or if a kernel
did not offer a backend that it is known to offer.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.kernel.vm import machine, packages

ROOT = Path(__file__).resolve().parents[3]
BACKENDS = ("c", "a", "b")
OFFERED = {"bookworm": "abc", "trixie": "abc"}
"""What must be tested. Newer kernels may be built so that they can preempt programs at functions' ends; then A is not
offered, and said not to be."""
TESTS = tuple(
    f"tests/kernel/test_{name}.py" for name in ("known_events", "known_calls", "uring", "uring_calls", "default_rules")
)
SECONDS = 3600
_LOADER_SECONDS = 600
_UNSEEN_BY_B = ("-k", "not int80 and not 32_bit")
"""B is for kernels without 32-bit callers; Debian's have them."""
_NOT_HAD = "cannot be had here"


def script(arguments: tuple[str, ...]) -> str:
    """What the machine runs: pytest for each backend, between marks."""
    lines = [
        f"cd {shlex.quote(str(ROOT))}",
        "export PYTHONDONTWRITEBYTECODE=1 FALCON_TEST_PROGRAM_CACHE=/tmp/programs",
        f"export PYTHONPATH={ROOT}/sensor:{ROOT}/rules:{ROOT} FALCON_TEST_LOADER_SECONDS={_LOADER_SECONDS}",
    ]
    for backend in BACKENDS:
        left_out = _UNSEEN_BY_B if backend == "b" else ()
        pytest = ["-P", "-m", "pytest", "-q", "--color=no", "-p", "no:cacheprovider"]
        command = [sys.executable, *pytest, *left_out, *arguments]
        lines += [f"echo @{backend}", f"FALCON_TEST_BACKEND={backend} {shlex.join(command)}", 'echo "@exit $?"']
    return "\n".join(lines)


def results(output: str) -> Iterator[tuple[str, bool, str]]:
    """For each backend its letter, whether all is well, and what pytest printed."""
    for backend in BACKENDS:
        found = re.search(rf"^@{backend}$\n(.*?)^@exit (\d+)$", output, re.DOTALL | re.MULTILINE)
        if found is None:
            yield backend, False, output[-3000:] + "\nthe machine ended before the tests did"
        else:
            yield backend, found[2] == "0", found[1].strip()


def _run(suite: str, arguments: tuple[str, ...]) -> bool:
    kernel = packages.kernel(suite)
    try:
        output = machine.run(kernel, script(arguments), SECONDS)
    except machine.MachineError as error:
        print(f"{kernel.release:24} {error}", flush=True)
        return False
    well = True
    for backend, passed, text in results(output.replace("\r", "")):
        missing = next((line for line in text.splitlines() if _NOT_HAD in line), "")
        ok = passed and not (missing and backend in OFFERED.get(suite, "c"))
        last = missing or text.splitlines()[-1].strip("= ")
        print(f"{kernel.release:24} {backend.upper()}  {'ok' if ok else 'FAILED':7} {last}", flush=True)
        if not ok:
            print(text)
        well = well and ok
    return well


def main(words: list[str]) -> int:
    before, _, after = " ".join(words).partition("--")
    arguments = tuple(after.split()) or TESTS
    well = [_run(suite, arguments) for suite in before.split() or packages.SUITES]
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
