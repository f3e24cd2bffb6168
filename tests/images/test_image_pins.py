"""What goes into the images: pinned as pyproject.toml allows, with hashes, and nothing of the build machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging import requirements, utils, version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
WANTED = {
    "operator": [*PROJECT["project"]["dependencies"], *EXTRAS["operator"]],
    "sensor": [*PROJECT["project"]["dependencies"], *EXTRAS["sensor"]],
    "hub": [*PROJECT["project"]["dependencies"], *EXTRAS["hub"], *EXTRAS["hub-sinks"]],
    "build": PROJECT["build-system"]["requires"],
}
PIN = re.compile(
    r"^([A-Za-z0-9._-]+)==(\S+)(?: ; [^\\]+)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)


def pins(name: str) -> dict[str, version.Version]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return {utils.canonicalize_name(found[1]): version.Version(found[2]) for found in PIN.finditer(text)}


@pytest.mark.parametrize("name", WANTED)
def test_every_dependency_is_pinned_within_its_bounds(name: str):
    pinned = pins(name)
    for text in WANTED[name]:
        wanted = requirements.Requirement(text)
        assert pinned[utils.canonicalize_name(wanted.name)] in wanted.specifier, f"{text}: run `make lock`"


@pytest.mark.parametrize("name", WANTED)
def test_a_pin_is_a_version_and_hashes_and_there_is_nothing_else(name: str):
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    first, rest = text.split("\n", 1)
    assert first.startswith("#")
    assert PIN.sub("", rest).strip() == ""


@pytest.mark.parametrize(("one", "other"), [("operator", "sensor"), ("operator", "hub"), ("sensor", "hub")])
def test_all_images_have_the_same_versions(one: str, other: str):
    first, second = pins(one), pins(other)
    shared = first.keys() & second.keys()
    assert {name: first[name] for name in shared} == {name: second[name] for name in shared}


def test_only_what_the_dockerfile_copies_is_sent_to_the_builder():
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source.split("/")[0]
        for line in re.findall(r"^COPY (?!--from)(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert copied == allowed


def test_the_release_is_the_same_everywhere():
    chart = (ROOT / "charts/falcon/Chart.yaml").read_text()
    release = PROJECT["project"]["version"]
    assert f'\nappVersion: "{release}"\n' in chart
