"""`fd.*` of opens: names, directories, flags.

The engine tries a rule with the opened path and again with the name as given, made absolute; so
does the filter, and `Subject.NAME` is whichever it is at. Failed opens have no `fd.filename`, and
for a directory opened as such (O_DIRECTORY) `fd.directory` is the path itself.
"""

from __future__ import annotations

import platform

from falcon_rules import typed
from falcon_sensor.kernel.plan import atoms, decisions, expression, texts

NAME = atoms.Subject.NAME

ACCESS_MODE = 0o3
O_RDONLY, O_WRONLY, O_RDWR = 0, 1, 2
O_CREAT, O_TRUNC = 0o100, 0o1000
# A directory's flag is the only one of those used here that arm64 numbers differently.
O_DIRECTORY = 0o40000 if platform.machine() in ("aarch64", "arm64") else 0o200000
O_TMPFILE_BIT = 0o20000000

SIMPLE_FLAGS = {
    b"O_CREAT": O_CREAT,
    b"O_EXCL": 0o200,
    b"O_TRUNC": O_TRUNC,
    b"O_APPEND": 0o2000,
    b"O_NONBLOCK": 0o4000,
    b"O_CLOEXEC": 0o2000000,
    b"O_NOATIME": 0o1000000,
    b"O_PATH": 0o10000000,
}
"""Names that `evt.arg.flags` shows exactly when the bit is set."""

OTHER_FLAG_NAMES = (
    *(b"O_RDONLY", b"O_WRONLY", b"O_RDWR", b"O_DIRECT", b"O_DIRECTORY", b"O_LARGEFILE", b"O_NOFOLLOW", b"O_SYNC"),
    *(b"O_DSYNC", b"O_TMPFILE", b"O_F_CREATED", b"FD_UPPER_LAYER", b"FD_LOWER_LAYER"),
)
"""Names that depend on more than one bit, on the machine or on the file."""

SUCCEEDED = expression.leaf(atoms.Number("result", ((0, atoms.HIGHEST),)))
FAILED = expression.opposite(SUCCEEDED)
DIRECTORY_FLAG = expression.any_bit("open_flags", O_DIRECTORY)
TMPFILE_FLAG = expression.any_bit("open_flags", O_TMPFILE_BIT)
MAY_CREATE = expression.any_bit("open_flags", O_CREAT | O_TMPFILE_BIT)
MAY_BE_FILE = expression.some(expression.opposite(DIRECTORY_FLAG), TMPFILE_FLAG, FAILED)


def access(*modes: int) -> expression.Expression:
    return expression.bits("open_flags", ACCESS_MODE, modes)


IS_READ = decisions.Decision(access(O_RDONLY, O_RDWR, 3), access(O_WRONLY, 3))
IS_WRITE = decisions.Decision(access(O_WRONLY, O_RDWR, 3), access(O_RDONLY, 3))
# The access mode 3 asks for both permissions and gives neither; nobody needs to rely on what it counts as.
IS_EXEC = decisions.Decision(expression.every(MAY_CREATE, expression.any_bit("mode", 0o111)), expression.TRUE)
IS_CREATE = decisions.Decision(expression.every(MAY_CREATE, SUCCEEDED), expression.TRUE)

TYPE_CHARACTERS = (decisions.Choice(b"f", MAY_BE_FILE), decisions.Choice(b"d", DIRECTORY_FLAG))
TYPES = (decisions.Choice(b"file", MAY_BE_FILE), decisions.Choice(b"directory", DIRECTORY_FLAG))


def number(op: str, values: tuple[typed.Value, ...]) -> decisions.Decision:
    """`fd.num`: the descriptor, -1 when the call failed."""
    wanted = decisions.wanted_ranges(op, values)
    if wanted is None:
        return decisions.UNKNOWN
    found = list(atoms.intersection(wanted, ((0, atoms.HIGHEST),)))
    if any(low <= -1 <= high for low, high in wanted):
        found.append((atoms.LOWEST, -1))
    return decisions.exact(expression.leaf(atoms.Number("result", atoms.ranges(found))))


def flags(op: str, values: tuple[typed.Value, ...]) -> decisions.Decision:
    """`evt.arg.flags`, names joined by `|`."""
    if op not in ("contains", "icontains") or len(values) != 1 or not isinstance(values[0], bytes):
        return decisions.UNKNOWN
    text = values[0].upper() if op == "icontains" else values[0]
    if not text or b"|" in text or any(text in name for name in OTHER_FLAG_NAMES):
        return decisions.UNKNOWN
    mask = sum(bit for name, bit in SIMPLE_FLAGS.items() if text in name)
    return decisions.exact(expression.any_bit("open_flags", mask))


def directory(op: str, values: tuple[typed.Value, ...]) -> decisions.Decision:
    """The part of the name before its last slash; `/` for entries of the root and for names without a slash."""
    literals = [value for value in values if isinstance(value, bytes)]
    if op == "!=":
        return directory("=", values).swapped
    if op in ("=", "in"):
        return _in_directory(literals)
    if op == "pmatch":
        return decisions.either(map(_below, literals))
    if len(literals) != 1 or decisions.text_holds(op, b"/", literals[0]) is not False:
        return decisions.UNKNOWN
    text = literals[0]
    # Where the directory ends is not known to a pattern, so what it says of the end is left open.
    if op in ("startswith", "contains"):
        needed = [texts.pattern_leaf(NAME, atoms.Pattern(text, op == "startswith"))]
    elif op == "endswith":
        needed = [texts.pattern_leaf(NAME, atoms.Pattern(text + b"/"), atoms.Pattern(text, end=True))]
    elif op == "glob" and (parts := texts.pieces(text)) is not None:
        needed = [texts.pattern_leaf(NAME, atoms.Pattern(part.text, part.start)) for part in parts[0] if part.text]
    else:
        return decisions.UNKNOWN
    return decisions.Decision(expression.every(*needed), expression.TRUE)


def _below(path: bytes) -> decisions.Decision:
    """`fd.directory pmatch`: the directory is this path or below it, so the name is strictly below or the path."""
    found = texts.below(NAME, path)
    if found.fails == expression.TRUE or found == decisions.ALWAYS:
        return found
    strictly = atoms.Pattern(b"/" + b"/".join(part for part in path.split(b"/") if part) + b"/", True)
    return decisions.Decision(found.holds, expression.opposite(texts.pattern_leaf(NAME, strictly)))


def _in_directory(literals: list[bytes]) -> decisions.Decision:
    """`fd.directory` is one of these: the name starts with it, and its last slash is the one behind it."""
    by_length: dict[int, list[atoms.Pattern]] = {}
    for text in literals:
        length = 0 if text == b"/" else len(text)
        by_length.setdefault(length, []).append(atoms.Pattern(text[:length] + b"/", True))
    inside = expression.some(
        *(
            expression.every(texts.pattern_leaf(NAME, *patterns), _last_slash(length))
            for length, patterns in by_length.items()
        ),
        *([_last_slash(-1)] if b"/" in literals else []),
    )
    itself = texts.pattern_leaf(NAME, *(atoms.Pattern(text, True, True) for text in literals))
    return decisions.Decision(
        expression.some(inside, expression.every(itself, DIRECTORY_FLAG)),
        expression.some(expression.opposite(inside), DIRECTORY_FLAG),
    )


def _last_slash(offset: int) -> expression.Expression:
    """Where the name's last slash is; -1: it has none (pipes, memfds)."""
    return expression.leaf(atoms.Number("last_slash", ((offset, offset),)))


def filename(op: str, values: tuple[typed.Value, ...]) -> decisions.Decision:
    """The last component; unavailable for failed opens and for directories opened as such."""
    found = decisions.ALWAYS if op == "exists" else _filename(op, values)
    return decisions.Decision(
        expression.every(SUCCEEDED, found.holds), expression.some(FAILED, DIRECTORY_FLAG, found.fails)
    )


def _filename(op: str, values: tuple[typed.Value, ...]) -> decisions.Decision:
    literals = [value for value in values if isinstance(value, bytes)]
    if op == "!=":
        return _filename("=", values).swapped
    if op in ("=", "in"):
        # A literal with a slash is nobody's file name.
        plain = (text for text in literals if b"/" not in text)
        return decisions.exact(texts.pattern_leaf(NAME, *(atoms.Pattern(b"/" + text, end=True) for text in plain)))
    if len(literals) != 1 or not literals[0]:
        return decisions.UNKNOWN
    text = literals[0]
    if op == "glob":
        return _filename_glob(text)
    if op not in ("startswith", "endswith", "contains"):
        return decisions.UNKNOWN
    if b"/" in text:
        return decisions.NEVER
    return _parts([texts.Piece(text, op == "startswith", op == "endswith")], True)


def _parts(found: list[texts.Piece], complete: bool) -> decisions.Decision:
    """Pieces of the last component. Only a piece at its end is known to be in it: others may be in any component."""
    condition = expression.every(
        *(
            texts.pattern_leaf(NAME, atoms.Pattern(b"/" + piece.text if piece.start else piece.text, end=piece.end))
            for piece in found
        )
    )
    if complete and all(piece.end for piece in found):
        return decisions.exact(condition)
    return decisions.Decision(condition, expression.TRUE)


def _filename_glob(text: bytes) -> decisions.Decision:
    parts = texts.pieces(text)
    if parts is None or any(b"/" in piece.text for piece in parts[0]):
        return decisions.NEVER
    return _parts(*parts)
