"""Settings from a file, the environment and `-o`, in this order; later ones win.

Every value remembers where it was written, so that an error can say it: ``hub.yaml:3: listen.prot is no option; did
you mean listen.port?`` The environment's prefix is FALCONHUB_: what begins with FALCON_ is the sensor's, and
Kubernetes itself sets FALCON_HUB_PORT and the like where a Service is called falcon-hub.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pydantic
import yaml

from falcon_hub.settings import model

PREFIX = "FALCONHUB_"
SEPARATOR = "__"
"""Between the parts of a path in the environment: FALCONHUB_LISTEN__PORT."""

Path = tuple[str | int, ...]
M = TypeVar("M", bound=pydantic.BaseModel)


class SettingsError(Exception):
    """Settings that cannot be used; `messages` has one line for each thing wrong."""

    def __init__(self, messages: Sequence[str]) -> None:
        super().__init__("\n".join(messages))
        self.messages = tuple(messages)


@dataclass(slots=True)
class Origins:
    """For each path where its value was written."""

    places: dict[Path, str] = field(default_factory=dict)

    def of(self, path: Path) -> str:
        """Where `path`, else something in it, else what it is in, was written."""
        inner = next((place for known, place in self.places.items() if known[: len(path)] == path), None)
        if path not in self.places and path and inner is not None:
            return inner
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, "settings")

    def checked(self, kind: type[M], value: Any, path: Path) -> M:
        """`value`, which was found at `path`, as `kind`. Raises SettingsError with places."""
        try:
            return kind.model_validate(value)
        except pydantic.ValidationError as error:
            raise SettingsError(list(self._messages(kind, error, path))) from None

    def _messages(self, kind: type[pydantic.BaseModel], error: pydantic.ValidationError, at: Path) -> Iterator[str]:
        seen = set()
        for each in error.errors(include_url=False, include_input=False):
            path = (*at, *each["loc"])
            text = f"{self.of(path)}: {_explained(kind, path, each['type'], each['msg'])}"
            if text not in seen:
                seen.add(text)
                yield text


def load(
    filename: str | None, overrides: Sequence[str] = (), environ: Mapping[str, str] | None = None
) -> tuple[model.Settings, Origins]:
    """The settings, and where each was written. overrides: ``key=value``, dotted key, YAML value. Raises
    SettingsError."""
    values: dict[str, Any] = {}
    origins = Origins()
    if filename is not None:
        values = _file(filename, origins)
    for variable, text in sorted((environ or {}).items()):
        if variable.startswith(PREFIX):
            path = variable.removeprefix(PREFIX).lower().split(SEPARATOR)
            _set(values, origins, path, text, f"environment {variable}")
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise SettingsError([f"-o {text}: must be key=value, such as -o listen.port=2801"])
        _set(values, origins, key.strip().split("."), value, f"-o {key.strip()}")
    settings = origins.checked(model.Settings, values, ())
    names = [sink.name for sink in settings.sinks]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise SettingsError([f"{origins.of(('sinks', index, 'name'))}: two sinks are called {name}"])
    return settings, origins


def _file(filename: str, origins: Origins) -> dict[str, Any]:
    try:
        with open(filename, encoding="utf-8") as file:
            loader = yaml.SafeLoader(file.read())
    except OSError as error:
        raise SettingsError([f"{filename}: cannot read settings: {error.strerror}"]) from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError([f"{filename}: not YAML: {' '.join(str(error).split())[:200]}"]) from None
    try:
        node = loader.get_single_node()
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            raise SettingsError([f"{filename}:{node.start_mark.line + 1}: settings must be a mapping of key: value"])
        found: dict[str, Any] = _construct(loader, node, (), filename, origins)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{filename}:{mark.line + 1}:{mark.column + 1}" if mark else filename
        raise SettingsError([f"{place}: not YAML: {error.problem or error.context}"]) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise SettingsError([f"{filename}: not YAML: {' '.join(str(error).split())[:200]}"]) from None
    finally:
        loader.dispose()
    return found


def _construct(loader: yaml.SafeLoader, node: yaml.Node, path: Path, filename: str, origins: Origins) -> Any:
    """Plain data of `node`; empty values are left out, so that `listen:` alone keeps its defaults."""
    origins.places[path] = f"{filename}:{node.start_mark.line + 1}"
    if isinstance(node, yaml.MappingNode):
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            here = (*path, key)
            place = f"{filename}:{key_node.start_mark.line + 1}"
            if here in origins.places:
                raise SettingsError([f"{place}: {dotted(here)} is set twice"])
            value = _construct(loader, value_node, here, filename, origins)
            origins.places[here] = place
            if value is not None:
                values[key] = value
        return values
    if isinstance(node, yaml.SequenceNode):
        return [_construct(loader, item, (*path, index), filename, origins) for index, item in enumerate(node.value)]
    return loader.construct_object(node)


def _set(values: dict[str, Any], origins: Origins, path: Sequence[str], text: str, origin: str) -> None:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise SettingsError([f"{origin}: the value is not YAML; quote it: '\"...\"'"]) from None
    if isinstance(value, bool | int | float) and _wants_text(path):
        value = text
    where = values
    for part in path[:-1]:
        inner = where.get(part)
        if not isinstance(inner, dict):
            inner = where[part] = {}
        where = inner
    where[path[-1]] = value
    origins.places[tuple(path)] = origin


def _wants_text(path: Sequence[str]) -> bool:
    """A token of digits is text, though YAML sees a number."""
    kind: type[pydantic.BaseModel] | None = model.Settings
    annotation: Any = None
    for part in path:
        found = kind.model_fields.get(part) if kind else None
        if found is None:
            return path[0] == "custom_fields"
        annotation = found.annotation
        kind = annotation if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel) else None
    return annotation is str or "secrets.Secret" in str(annotation)


def _explained(kind: type[pydantic.BaseModel], path: Path, problem: str, text: str) -> str:
    name = dotted(path)
    if problem == "extra_forbidden":
        return f"{name} is no option{_suggestion(name, kind)} (`falcon-hub settings` prints all)"
    if problem == "missing":
        return f"{name} is missing"
    if problem == "model_type":
        return f"{name} has options of its own, so it needs a mapping"
    text = text.removeprefix("Value error, ").replace("Input should", "must")
    return f"{name} {text[:300]}"


def _suggestion(name: str, kind: type[pydantic.BaseModel]) -> str:
    known = list(_paths(kind))
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if not close and "." not in name:  # an option set without its section
        close = [path for path in known if path.endswith("." + name)][:1]
    return f"; did you mean {close[0]}?" if close else ""


def _paths(kind: type[pydantic.BaseModel], prefix: str = "") -> Iterator[str]:
    for name, each in kind.model_fields.items():
        yield prefix + name
        if isinstance(each.annotation, type) and issubclass(each.annotation, pydantic.BaseModel):
            yield from _paths(each.annotation, f"{prefix}{name}.")


def dotted(path: Path) -> str:
    """``sinks[0].name`` as people write it."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "settings"
