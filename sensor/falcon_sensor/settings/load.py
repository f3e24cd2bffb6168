"""Settings from a file, the environment and `-o`, in this order; later ones win.

Runs in the short-lived process that also compiles the rules (see `app.prepare`), the only one
to import pydantic and PyYAML. Every value remembers where it was written, so that an error can
say it: ``settings.yaml:3: prioriti is no option; did you mean priority?``
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pydantic
import yaml

from falcon_sensor.settings import checks, explain, model
from falcon_sensor.settings.explain import Layered, Path

PREFIX = "FALCON_"
SEPARATOR = "__"
"""Between the parts of a path in the environment: FALCON_FILE_OUTPUT__FILENAME."""

# What Kubernetes puts into every container for a Service whose name starts with "falcon-".
_SERVICE_LINKS = re.compile(r"_SERVICE_(HOST|PORT(_\w+)?)$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$")


class SettingsError(Exception):
    """Settings that cannot be used; `messages` has one line for each thing wrong."""

    def __init__(self, messages: Sequence[str]) -> None:
        super().__init__("\n".join(messages))
        self.messages = tuple(messages)


def load(
    filename: str | None, overrides: Sequence[str], environ: Mapping[str, str]
) -> tuple[model.Settings, list[str]]:
    """The settings and warnings about variables that look like ours but name no option.

    overrides: ``key=value`` texts, dotted key, YAML value. Raises SettingsError.
    """
    layers = Layered()
    if filename is not None:
        _merge_file(layers, filename)
    _merge_environment(layers, environ)
    for text in overrides:
        _merge_override(layers, text)
    _lower_priorities(layers.values)
    try:
        settings = pydantic.TypeAdapter(model.Settings).validate_python(layers.values)
    except pydantic.ValidationError as error:
        raise SettingsError(list(explain.messages(layers, error))) from None
    if messages := [f"{layers.origin(path)}: {text}" for path, text in checks.problems(settings)]:
        raise SettingsError(messages)
    return settings, layers.warnings


def _lower_priorities(values: dict[str, Any]) -> None:
    """Rules write `Warning`, and so may settings."""
    outputs = [each for key, each in values.items() if key != "extra_fields"]
    for section, name in [(values, "priority"), *((each, "minimum_priority") for each in outputs)]:
        if isinstance(section, dict) and isinstance(priority := section.get(name), str):
            section[name] = priority.lower()


# --- the file ---------------------------------------------------------------------------------


def _merge_file(layers: Layered, filename: str) -> None:
    try:
        with open(filename, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise SettingsError([f"{filename}: cannot read settings: {error.strerror}"]) from None
    except UnicodeDecodeError as error:
        raise SettingsError([f"{filename}: settings are not UTF-8 (byte {error.start})"]) from None
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return
        if not isinstance(node, yaml.MappingNode):
            raise SettingsError([f"{filename}:{node.start_mark.line + 1}: settings must be a mapping of key: value"])
        values = _construct(loader, node, (), filename, layers.origins)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{filename}:{mark.line + 1}:{mark.column + 1}" if mark else filename
        raise SettingsError([f"{place}: not YAML: {error.problem or error.context}"]) from None
    except yaml.YAMLError as error:
        raise SettingsError([f"{filename}: not YAML: {error}"]) from None
    except RecursionError:
        raise SettingsError([f"{filename}: nested too deeply"]) from None
    finally:
        loader.dispose()
    _merge(layers.values, values)


def _construct(loader: yaml.SafeLoader, node: yaml.Node, path: Path, filename: str, origins: dict[Path, str]) -> Any:
    """Plain data of `node`; empty values are left out, so that `file_output:` alone keeps its defaults."""
    origins[path] = f"{filename}:{node.start_mark.line + 1}"
    if isinstance(node, yaml.MappingNode):
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else str(key_node.value)
            place = f"{filename}:{key_node.start_mark.line + 1}"
            if (*path, key) in origins and key in values:
                raise SettingsError([f"{place}: {explain.dotted((*path, key))} is set twice"])
            value = _construct(loader, value_node, (*path, key), filename, origins)
            origins[(*path, key)] = place
            if value is not None:
                values[key] = value
        return values
    if isinstance(node, yaml.SequenceNode):
        return [_construct(loader, item, (*path, index), filename, origins) for index, item in enumerate(node.value)]
    return loader.construct_object(node)


def _merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


# --- environment and command line ----------------------------------------------------------------


def _merge_environment(layers: Layered, environ: Mapping[str, str]) -> None:
    names = {PREFIX + SEPARATOR.join(path).upper(): path for path in model.paths()}
    for variable, text in sorted(environ.items()):
        path = names.get(variable)
        if not variable.startswith(PREFIX) or (path is None and _SERVICE_LINKS.search(variable)):
            continue
        if path is None and variable.startswith(f"{PREFIX}EXTRA_FIELDS{SEPARATOR}"):
            path = ("extra_fields", variable.removeprefix(f"{PREFIX}EXTRA_FIELDS{SEPARATOR}").lower())
        if path is None:
            # Other programs may share the prefix, so this is no error.
            layers.warnings.append(
                f"environment {variable}: no such option{explain.suggest(variable, list(names))}; ignored"
            )
            continue
        _set(layers, path, text, f"environment {variable}")


def _merge_override(layers: Layered, text: str) -> None:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise SettingsError([f"-o {text}: must be key=value, such as -o json_output=true"])
    _set(layers, tuple(key.strip().split(".")), value, f"-o {text}")


def _set(layers: Layered, path: tuple[str, ...], text: str, origin: str) -> None:
    """Puts the YAML value `text` at `path`; a part that ends in `[]` appends to that list, as in Falco."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise SettingsError([f"{origin}: the value is not YAML; quote it: '\"...\"'"]) from None
    if isinstance(value, bool | int | float) and model.is_text(path):
        value = text.strip()  # a node may be called 1234, and whoever sets it from a field cannot quote it
    where: Any = layers.values
    done: Path = ()
    for position, part in enumerate(path):
        last = position == len(path) - 1
        name = part.removesuffix("[]")
        if not isinstance(where, dict):
            raise SettingsError([f"{origin}: {explain.dotted(done)} has no parts to set"])
        done = (*done, name)
        if part.endswith("[]"):
            items = where[name] = list(where.get(name) or [])
            done = (*done, len(items))
            items.append(value if last else {})
            where = items[-1]
        elif last:
            where.pop(name, None)
            if value is not None:
                where[name] = value
        else:
            where = where.setdefault(name, {})
    for known in [known for known in layers.origins if known[: len(done)] == done]:
        del layers.origins[known]
    layers.origins[done] = origin
