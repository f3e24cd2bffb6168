"""Ordinary work gives no alert: packages, builds, containers, scheduled jobs, administrators."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping

import pytest
from tests.e2e.support import sensor, stage

pytestmark = [pytest.mark.kernel, pytest.mark.containers, pytest.mark.serial]


def needs(*tools: str) -> pytest.MarkDecorator:
    missing = [tool for tool in tools if shutil.which(tool) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} not installed")


@pytest.fixture
def nothing_told(scene: stage.Stage, default_sensor: sensor.Sensor) -> Callable[[], None]:
    """Asserts that there was no alert about what the scene did."""

    def check() -> None:
        default_sensor.settle()
        told = [f"{alert['rule']}: {alert['output']}" for alert in default_sensor.alerts(scene.mark)]
        assert not told

    return check


@pytest.fixture
def work(scene: stage.Stage, nothing_told: Callable[[], None]) -> Callable[..., None]:
    """Makes files, runs a script among them, and asserts that nothing was told about it."""

    def run(script: str, files: Mapping[str, str] | None = None) -> None:
        for name, text in (files or {}).items():
            path = scene.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)
        scene.host(["bash", "-e", "-c", script], cwd=scene.directory)
        nothing_told()

    return run


CONTROL = """\
Package: falcon-scenario
Version: 1
Architecture: all
Maintainer: Nobody <nobody@example.org>
Description: installed and removed by a test
"""


@needs("dpkg-deb", "dpkg")
def test_package_is_built_installed_and_removed(work):
    """With what packages bring: a program, a service, a cron job, login policy, maintainer scripts."""
    files = {
        "DEBIAN/control": CONTROL,
        "DEBIAN/postinst": "#!/bin/sh\nset -e\ngetent passwd root >/dev/null\n: > /var/log/falcon-scenario.log\n",
        "DEBIAN/postrm": "#!/bin/sh\nrm -f /var/log/falcon-scenario.log\n",
        "usr/bin/falcon-scenario": "#!/bin/sh\ntrue\n",
        "usr/lib/systemd/system/falcon-scenario.service": "",
        "etc/cron.d/falcon-scenario": "# nothing\n",
        "etc/pam.d/falcon-scenario": "",
        "etc/profile.d/falcon-scenario.sh": "",
    }
    work(
        """
        dpkg-deb --build --root-owner-group package x.deb
        trap 'dpkg --purge falcon-scenario' EXIT
        dpkg --install x.deb
        dpkg --status falcon-scenario
        falcon-scenario
        """,
        {f"package/{name}": text for name, text in files.items()},
    )


@needs("apt-get", "apt-cache", "dpkg-query")
def test_packages_are_looked_at(work):
    work(
        """
        dpkg-query -W >/dev/null; dpkg -S /bin/sh || true; apt-cache policy bash
        apt-get check; apt-get --simulate install bash
        """
    )


@needs("gcc", "make")
def test_program_is_built_and_run(work):
    makefile = "all: program\n\t./program\nprogram: main.c\n\tgcc -O2 -o $@ $< && strip $@\n"
    work("make", {"main.c": "int main(void) { return 0; }\n", "Makefile": makefile})


@needs("git")
def test_repository_is_cloned(work):
    work(
        """
        git init -q a; cd a; git add file
        git -c user.name=x -c user.email=x@example.org commit -qm x
        cd ..; git clone -q a b; git -C b log --oneline; grep -r x b/file
        """,
        {"a/file": "x\n"},
    )


def test_python_package_is_installed(work):
    """pip builds and installs a package of ours into a new environment, without asking an index."""
    project = (
        '[project]\nname = "thing"\nversion = "1"\n'
        '[build-system]\nrequires = []\nbuild-backend = "hatchling.build"\n'
        '[tool.hatch.build.targets.wheel]\npackages = ["thing"]\n'
    )
    # The base interpreter, and not that of the tests' environment, as a user would.
    python = getattr(sys, "_base_executable", sys.executable)
    work(
        f"""
        {python} -m venv --without-pip environment
        {sys.executable} -m pip wheel --quiet --no-index --no-deps --no-build-isolation -w wheels ./project ||
            {sys.executable} -m zipfile -c wheel.zip project
        environment/bin/python -c 'import json; print(1)'
        """,
        {"project/pyproject.toml": project, "project/thing/__init__.py": "VALUE = 1\n"},
    )


@needs("cargo")
def test_rust_program_is_built(work):
    # Its tools are a person's own, not the system's.
    own = f"export HOME={os.environ.get('HOME', '/root')} PATH={os.path.dirname(shutil.which('cargo') or '')}:$PATH"
    work(f"{own}; cargo init -q --name thing --vcs none .; cargo build -q --offline; ./target/debug/thing")


def test_scheduled_jobs_run(scene, nothing_told):
    """As cron does it: a shell for each job, output into logs, old files removed, accounts asked about."""
    job = """
        date > /var/log/falcon-scenario-job.log 2>&1; find /tmp -maxdepth 1 -name 'falcon-none*' -delete
        getent passwd root >/dev/null; id >/dev/null; tar -cf /dev/null /etc/hostname 2>/dev/null
        rm /var/log/falcon-scenario-job.log
    """
    scene.act("run", "/bin/sh", "/bin/sh", "-c", job, name="cron")
    nothing_told()


def test_administrator_works(work):
    """Looking around, asking about accounts, and writing where administrators write."""
    work(
        """
        ls -la /etc /root /var/log >/dev/null; cat /etc/passwd /etc/group /etc/hosts >/dev/null
        id; whoami; uname -a; df -h >/dev/null; mount >/dev/null
        su -s /bin/sh -c true nobody; passwd -S root; chage -l root
        echo x > /usr/local/bin/falcon-scenario; rm /usr/local/bin/falcon-scenario
        tar -czf etc.tgz /etc/hostname 2>/dev/null; grep -r nothing-of-the-kind /etc/apt || true
        """
    )


def test_containers_start_and_work(scene, nothing_told):
    shell = "id; ps; cat /etc/passwd; touch /tmp/x; rm /tmp/x"
    for cgroups_path in (None, "/docker/{id}"):
        scene.container(["/bin/sh", "-c", shell], cgroups_path=cgroups_path)
    # A web server whose workers append to its log.
    scene.container(["/usr/sbin/nginx", "run", "/usr/sbin/nginx", "nginx", "open", "wac", "/var/log/app/access.log"])
    # An entry point script that prepares things and becomes the server.
    prepare = "mkdir -p /run/x; echo ok > /run/x/config; exec /usr/sbin/myapp open r /run/x/config"
    scene.container(["/bin/sh", "-c", prepare])
    nothing_told()
