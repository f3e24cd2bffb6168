"""Broken rules: refused where the webhook is, told in the status where it is not, and never harmful to others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml
from tests.e2e.cluster.support import bodies
from tests.e2e.cluster.support.kubectl import Body, Failed, Kubectl, until
from tests.e2e.cluster.support.receiver import Receiver, Tracer
from tests.e2e.cluster.support.release import NAME, Release, condition
from tests.e2e.cluster.support.team import Team

BROKEN = "evt.type = execve and proc.nam = bash"


@pytest.fixture
def no_webhook(falcon: Release, kubectl: Kubectl) -> Iterator[None]:
    """As when admission is switched off or the operator was away: rules are stored unseen."""
    kind = "validatingwebhookconfiguration"
    kept = kubectl.get(kind, NAME)
    kubectl.run("delete", kind, NAME)
    yield
    for key in ("resourceVersion", "uid", "creationTimestamp", "generation", "managedFields"):
        kept["metadata"].pop(key, None)
    kubectl.apply(yaml.safe_dump(kept))
    # The API server takes a moment to ask again.
    dry = bodies.rule("probe", "default", condition=BROKEN)
    text = yaml.safe_dump(dry)
    until(
        "broken rules are refused again",
        lambda: "denied" in kubectl.says("apply", "--dry-run=server", "-f", "-", given=text),
    )


def test_a_broken_rule_is_refused_with_place_and_suggestion(falcon: Release, kubectl: Kubectl, team: Team):
    with pytest.raises(Failed) as refused:
        kubectl.apply(bodies.rule("broken", team.namespace, condition=BROKEN))
    said = str(refused.value)
    assert "denied the request" in said
    assert f"falconrule/{team.namespace}/broken: spec.condition:1:23:" in said
    assert "proc.nam" in said
    assert "proc.name" in said
    assert "^" in said
    assert kubectl.find("fr", "broken", "-n", team.namespace) is None


def test_a_rule_that_fails_its_own_test_is_refused(falcon: Release, kubectl: Kubectl, team: Team):
    tests = [{"name": "bash", "event": {"evt.type": "execve", "proc.name": "sh"}}]
    rule = bodies.rule("tested", team.namespace, condition="evt.type = execve and proc.name = bash", tests=tests)
    with pytest.raises(Failed, match=r"(?s)denied the request.*the test 'bash'.*proc\.name"):
        kubectl.apply(rule)


def test_what_is_legal_but_doubtful_is_warned_of(falcon: Release, kubectl: Kubectl, team: Team):
    rule = bodies.rule("everything", team.namespace, condition=f"proc.name = {team.word}")
    said = kubectl.says("apply", "-f", "-", given=yaml.safe_dump(rule))
    assert "Warning:" in said
    assert "evt.type" in said
    assert "created" in said


def test_the_schema_refuses_what_is_no_rule(falcon: Release, kubectl: Kubectl, team: Team):
    with pytest.raises(Failed, match="priority"):
        kubectl.apply(bodies.rule("bad", team.namespace, condition="evt.type = execve", priority="LOUD"))


def test_a_rule_stored_broken_says_so_and_harms_no_other(
    falcon: Release, kubectl: Kubectl, receiver: Receiver, team: Team, no_webhook: None
):
    team.add({"inside": None})
    kubectl.apply(bodies.rule("broken", team.namespace, condition=BROKEN))
    falcon.apply(bodies.rule("good", team.namespace, condition=bodies.started(team.word)))

    status = until("a status", lambda: falcon.status("fr", "broken", "-n", team.namespace))
    assert condition(status, "Accepted")["status"] == "True"
    assert condition(status, "Compiled")["reason"] == "CompileError"
    assert condition(status, "Ready")["status"] == "False"
    (found,) = [each for each in status["diagnostics"] if each["severity"] == "error"]
    assert (found["document"], found["line"], found["column"]) == ("spec.condition", 1, 23)
    assert found["suggestion"] == "proc.name"
    team.exec("inside", "true", team.word)
    receiver.wait_about(team.word)
    table = kubectl.run("get", "fr", "-n", team.namespace)
    assert "CompileError" in table


def test_the_last_good_version_stays_in_force(
    falcon: Release, kubectl: Kubectl, receiver: Receiver, team: Team, no_webhook: None
):
    team.add({"inside": None})
    falcon.apply(bodies.rule("kept", team.namespace, condition=bodies.started(team.word)))
    kubectl.apply(bodies.rule("kept", team.namespace, condition=BROKEN))

    def last_good() -> Body | None:
        ready = falcon.condition("Ready", "fr", "kept", "-n", team.namespace)
        return ready if ready.get("reason") == "LastGoodInForce" else None

    assert until("the status tells of the last good version", last_good)["status"] == "False"
    team.exec("inside", "true", team.word)
    receiver.wait_about(team.word)

    # Not even a new operator forgets it.
    kubectl.run("rollout", "restart", "-n", "falcon-system", f"deployment/{NAME}-operator")
    falcon.wait_until_ready()
    falcon.apply(bodies.rule("further", team.namespace, condition=bodies.started("never-started")))
    team.exec("inside", "true", team.word)
    receiver.wait_about(team.word, 2)

    falcon.apply(bodies.rule("kept", team.namespace, condition=bodies.started("mended")))
    team.exec("inside", "true", "mended", team.word)
    receiver.wait_about("mended")


def test_bad_rules_among_good_ones(falcon: Release, receiver: Receiver, tracer: Tracer, team: Team, no_webhook: None):
    """A rule file with every other rule broken: the others work, and the status counts both."""
    team.add({"inside": None})
    rules = []
    for number in range(6):
        right = f"{bodies.started(f'{team.word}-{number}')}"
        text = right if number % 2 == 0 else "evt.type = execve and proc.name ="
        rules.append(
            {
                "rule": f"mixed {team.word} {number}",
                "desc": "one of several",
                "condition": text,
                "output": "%proc.cmdline",
                "priority": "NOTICE",
            }
        )
    falcon.kubectl.apply(team.own(bodies.rule_set(team.word, rules=yaml.safe_dump(rules, width=10_000))))

    def partly() -> Body | None:
        status = falcon.status("frs", team.word)
        done = condition(status, "Distributed").get("status") == "True"
        return status if done else None

    status = until("the good half is distributed", partly)
    assert condition(status, "Compiled")["reason"] == "PartlyCompiled"
    assert status["compiled"]["rules"] == 3
    for number in range(6):
        team.exec("inside", "true", f"{team.word}-{number}")
    tracer.settle()
    assert sorted(alert["rule"] for alert in receiver.about(team.word)) == [
        f"mixed {team.word} {number}" for number in (0, 2, 4)
    ]
