"""`falcon-rules convert`: a rule file as manifests, with its comments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TextIO

from falcon_rules.cli import failures, reading
from falcon_rules.loading import compilation, conversion


def convert(file: str, folder: str, out: TextIO, *, force: bool = False, as_json: bool = False) -> int:
    """Writes the manifests. Files that are there and say something else are left alone unless `force`."""
    read, problems = reading.read([file])
    if Path(file).is_dir():
        raise failures.Failure(f"{file} is a directory: convert one file at a time, so that each gets a rule set")
    result = compilation.compile(read)
    errors = [each for each in (*problems, *result.diagnostics) if each.is_error]
    if errors:
        raise failures.Failure(f"{file} has errors\n" + "\n".join(each.render() for each in errors))
    stem = Path(file).name.removesuffix(Path(file).suffix)
    converted = conversion.convert(read[0], stem)
    target = Path(folder)
    texts = {target / f"{each.name}.yaml": each.text for each in converted.manifests}
    _write(target, texts, force)
    if as_json:
        json.dump({"files": [str(path) for path in texts], "kept_in_rule_set": list(converted.kept)}, out, indent=2)
        out.write("\n")
        return 0
    out.write(f"{len(texts)} manifests written to {folder}\n")
    for name in converted.kept:
        out.write(f"the rule {name!r} stays in the rule set: a manifest of its own could not say all that it says\n")
    return 0


def _write(target: Path, texts: dict[Path, str], force: bool) -> None:
    try:
        target.mkdir(parents=True, exist_ok=True)
        others = [path for path, text in texts.items() if path.exists() and path.read_text("utf-8") != text]
        if others and not force:
            raise failures.Failure(f"{others[0]} exists and says something else; --force replaces such files")
        for path, text in texts.items():
            path.write_text(text, "utf-8")
    except OSError as error:
        raise failures.Failure(f"cannot write to {target}: {error.strerror}") from None
