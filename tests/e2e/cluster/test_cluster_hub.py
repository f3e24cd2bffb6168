"""The hub as the chart installs it: what happens in a pod is on its page, by nothing but values and one command."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

import pytest
from tests.e2e.cluster.support import bodies
from tests.e2e.cluster.support.kubectl import Failed, Kubectl
from tests.e2e.cluster.support.receiver import URL
from tests.e2e.cluster.support.release import CHART, NAME, NAMESPACE, Release
from tests.e2e.cluster.support.team import Team

HUB = f"{NAME}-hub"
POD = f"{HUB}-0"
ADDRESS = f"https://{HUB}.{NAMESPACE}.svc:2801"
CONFIG = "/etc/falcon-hub/hub.yaml"
PATIENCE = 300.0
"""Kubelets take a minute and more to bring what the operator writes into Secrets; alerts wait on the nodes."""

# What a browser does: logs in once (who logs in all the time is held up), and asks until there is enough. By Service,
# DNS and certificate, from the one pod that has the CA mounted.
_ASK = """
import http.cookiejar, json, ssl, sys, time, urllib.request
context = ssl.create_default_context(cafile="/etc/falcon-hub/tls/ca.crt")
opener = urllib.request.build_opener(
    urllib.request.HTTPSHandler(context=context), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
)
address, password, path, enough, seconds = json.load(sys.stdin)
body = json.dumps({"user": "e2e", "password": password}).encode()
login = urllib.request.Request(address + "/api/v1/login", body, {"Content-Type": "application/json", "Origin": address})
opener.open(login).read()
end = time.monotonic() + seconds
while True:
    alerts = json.load(opener.open(address + path))["alerts"]
    if len(alerts) >= enough or time.monotonic() > end:
        break
    time.sleep(1)
print(json.dumps(alerts))
"""


@pytest.fixture(scope="module")
def hub(falcon: Release) -> Iterator[None]:
    """With the hub, and sensors that send to it since nobody names another receiver."""
    values = ("hub.enabled=true", "hub.persistence.enabled=false", "sensor.settings.http_output.url=")
    falcon.helm("upgrade", NAME, str(CHART), "--reuse-values", *(word for each in values for word in ("--set", each)))
    try:
        falcon.kubectl.run(
            *("-n", NAMESPACE, "rollout", "status", f"statefulset/{HUB}", f"--timeout={PATIENCE:.0f}s"),
            timeout=PATIENCE + 30,
        )
        falcon.wait_until_ready()
        yield
    finally:
        back = ("--set", "hub.enabled=false", "--set", f"sensor.settings.http_output.url={URL}")
        falcon.helm("upgrade", NAME, str(CHART), "--reuse-values", *back)
        falcon.wait_until_ready()


@pytest.fixture(scope="module")
def password(hub: None, kubectl: Kubectl) -> str:
    """Of a user made as the notes say."""
    chosen = secrets.token_urlsafe(16)
    command = ("falcon-hub", "user", "add", "e2e", "--role", "admin", "-c", CONFIG)
    kubectl.run("exec", "-i", "-n", NAMESPACE, POD, "--", *command, given=f"{chosen}\n")
    return chosen


def test_an_act_in_a_pod_is_on_the_hubs_page(
    password: str, falcon: Release, kubectl: Kubectl, watchers: Team, team: Team
):
    falcon.apply(team.own(bodies.rule(f"hub-{team.word}", condition=bodies.started(team.word))))
    for pod in watchers.pods:
        watchers.exec(pod, "true", team.word)

    path = f"/api/v1/alerts?rule=hub-{team.word}&limit=50"
    given = json.dumps([ADDRESS, password, path, len(watchers.pods), PATIENCE])
    ask = ("exec", "-i", "-n", NAMESPACE, POD, "--", "python3", "-c", _ASK)
    alerts = json.loads(kubectl.run(*ask, given=given, timeout=PATIENCE + 30))
    assert sorted(each["pod"] for each in alerts) == sorted(watchers.pods), "each act once"


def test_whoever_has_no_token_sends_nothing(password: str, kubectl: Kubectl):
    program = (
        "import ssl,urllib.request as u;c=ssl.create_default_context(cafile='/etc/falcon-hub/tls/ca.crt');"
        f"u.urlopen(u.Request('{ADDRESS}/api/v1/alerts',b'[]',{{'Authorization':'Bearer '+'x'*32}}),context=c)"
    )
    with pytest.raises(Failed, match="401"):
        kubectl.run("exec", "-n", NAMESPACE, POD, "--", "python3", "-c", program)


def test_the_hub_runs_with_what_the_chart_says(hub: None, kubectl: Kubectl):
    pod = kubectl.get("pod", POD, "-n", NAMESPACE)
    mounted = [mount["mountPath"] for mount in pod["spec"]["containers"][0]["volumeMounts"]]
    assert not [path for path in mounted if "serviceaccount" in path], "it asks nothing of the API server"
    assert kubectl.run("exec", "-n", NAMESPACE, POD, "--", "id", "-u").strip() == "65532"
    with pytest.raises(Failed, match="Read-only"):
        kubectl.run("exec", "-n", NAMESPACE, POD, "--", "touch", "/opt/falcon/changed")
