"""The benchmark measures what it says it does. Never how long anything takes: this machine has other things to do."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from tests.bench import __main__ as bench
from tests.bench.support import rulesets, scenes, sensors

TINY = ["--quick", "--steps", "0.05", "--slices", "1", "--quiet-wait", "0", "--json", "--sizes", "0"]

# Says over and over that it sees, whatever happens.
STAND_IN = f"""#!/bin/sh
trap 'exit 0' INT
while :; do echo '{rulesets.CANARY} {rulesets.UPDATED}'; sleep 0.05; done
"""


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    code = bench.main([*TINY, *arguments])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.kernel
def test_every_workload_is_seen_and_counted(capsys, monkeypatch):
    monkeypatch.delenv("FALCO", raising=False)
    monkeypatch.delenv("FALCON_STABLE_RULES", raising=False)
    code, results = run(capsys, "--only", "exec,open,connect,mixed,flood")
    assert code == 0
    sides = results["workloads"]
    name = next(each for each in sides if each != "none")
    assert set(sides) == {"none", name}
    for kind in ("exec", "open", "connect", "mixed"):
        (ours,), (plain,) = sides[name]["runs"][kind]["slices"], sides["none"]["runs"][kind]["slices"]
        assert ours["steps"] == plain["steps"] > 0
    (counts,) = sides[name]["runs"]["exec"]["counts"]
    assert counts["shipped"] >= sides[name]["runs"]["exec"]["slices"][0]["steps"]
    assert results["flood"]
    assert all(each["counts"]["events"] > 0 for each in results["flood"].values())


@pytest.mark.kernel
def test_another_sensor_is_measured_beside_ours(capsys, monkeypatch, tmp_path: Path):
    program = tmp_path / "falco"
    program.write_text(STAND_IN)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("FALCO", str(program))
    code, results = run(capsys, "--only", "write", "--falco-counters", "echo 23 5")
    assert code == 0
    falco = next(side for name, side in results["workloads"].items() if name.startswith("falco,"))
    assert falco["runs"]["write"]["counts"] == [{"events": 0, "shipped": 0, "lost": 0}]
    assert falco["runs"]["write"]["slices"]
    assert falco["resident"][0] > 0


def test_a_sensor_that_does_not_see_is_one_message(capsys, monkeypatch, tmp_path: Path):
    program = tmp_path / "falco"
    program.write_text("#!/bin/sh\necho 'no such engine'\nexit 3\n")
    program.chmod(0o700)
    monkeypatch.setenv("FALCO", str(program))
    rules = rulesets.Rules(tmp_path / "rules", [])
    options = bench._arguments([])
    starts = {name: start for name, start in bench.Bench(options, tmp_path)._starts(rules).items() if "falco," in name}
    (start,) = starts.values()
    with pytest.raises(sensors.Failed, match="no such engine"), start():
        pass


def test_sets_of_rules_have_the_size_asked_for(tmp_path: Path):
    from falcon_rules.cli import reading
    from falcon_rules.compiler import options
    from falcon_rules.loading import compilation

    rules = rulesets.Rules(tmp_path, [bench._DEFAULT_RULES], 250)
    for change in (lambda: None, rules.update, rules.restore):
        change()
        files, problems = reading.read(list(map(str, rules.files)))
        result = compilation.compile(files, options.Options())
        assert not problems
        assert not result.errors
        assert len(result.bundle.rules) == 250 + (change == rules.update)


def test_memory_that_grows_is_told():
    def soak(second: float, last: float) -> scenes.Soak:
        return scenes.Soak(10, 40, second, last, None)

    assert not soak(50, 50.4).grows
    assert not soak(50, 49).grows
    assert soak(50, 52).grows
