"""What the chart asks for: rights by the letter, privileges of pods, and nothing that may be read by others."""

from __future__ import annotations

import pytest
import yaml
from tests.charts.support import rendering
from tests.charts.support.rendering import OLD, TODAY, VALUES, Object


def rules(objects: list[Object], kind: str, name: str) -> set[tuple[str, str, str, tuple[str, ...]]]:
    """(group, resource, verb, names) for each single thing that is allowed."""
    return {
        (group, resource, verb, tuple(rule.get("resourceNames", ())))
        for rule in rendering.one(objects, kind, name)["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


SENSOR = {
    ("", "pods", "list", ()),
    ("", "pods", "watch", ()),
    ("authentication.k8s.io", "tokenreviews", "create", ()),
    ("events.k8s.io", "events", "create", ()),
    ("events.k8s.io", "events", "patch", ()),
}
RULE_KINDS = ("falconrules", "clusterfalconrules", "falconrulesets")
OPERATOR = {
    *(("falcon.dev", kind, verb, ()) for kind in RULE_KINDS for verb in ("list", "watch")),
    *(("falcon.dev", "falconnodes", verb, ()) for verb in ("list", "watch", "create", "delete")),
    *(("falcon.dev", f"{kind}/status", "patch", ()) for kind in (*RULE_KINDS, "falconnodes")),
    ("", "nodes", "list", ()),
    ("", "nodes", "watch", ()),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations", "get", ("falcon",)),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations", "patch", ("falcon",)),
}
# The hub's are filled whether there is one or not.
SECRETS = ("falcon-held", "falcon-ca", "falcon-tls", "falcon-admission", "falcon-hub-tls", "falcon-hub-token")
OPERATOR_HERE = {
    ("", "pods", "list", ()),
    ("", "pods", "watch", ()),
    ("", "secrets", "get", SECRETS),
    ("", "secrets", "patch", SECRETS),
    ("coordination.k8s.io", "leases", "get", ("falcon-operator",)),
    ("coordination.k8s.io", "leases", "update", ("falcon-operator",)),
    ("coordination.k8s.io", "leases", "create", ()),
}


def test_the_sensor_may_do_exactly_this():
    assert rules(rendering.render(), "ClusterRole", "falcon-sensor") == SENSOR
    # What is mounted anyway, for the time until the kubelet brings it.
    assert rules(rendering.render(), "Role", "falcon-sensor") == {
        ("", "secrets", verb, ("falcon-tls",)) for verb in ("list", "watch")
    }


def test_the_operator_may_do_exactly_this():
    objects = rendering.render()
    assert rules(objects, "ClusterRole", "falcon-operator") == OPERATOR
    assert rules(objects, "Role", "falcon-operator") == OPERATOR_HERE


def test_without_the_webhook_there_is_no_right_to_it():
    objects = rendering.render({"webhook": {"enabled": False}})
    assert rules(objects, "ClusterRole", "falcon-operator") == {
        each for each in OPERATOR if each[0] != "admissionregistration.k8s.io"
    }


def test_what_cert_manager_fills_the_operator_may_only_read():
    objects = rendering.render(VALUES["cert-manager"])
    secrets = {each[2:] for each in rules(objects, "Role", "falcon-operator") if each[1] == "secrets"}
    assert secrets == {
        ("get", ("falcon-held", "falcon-hub-token")),
        ("patch", ("falcon-held", "falcon-hub-token")),
        ("get", ("falcon-tls", "falcon-admission", "falcon-hub-tls")),
    }
    names = {each["metadata"]["name"] for each in objects if each["kind"] == "Secret"}
    assert names == {"falcon-held", "falcon-hub-token"}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_no_role_has_wildcards_or_speaks_of_secrets_it_does_not_name(values: Object):
    for each in rendering.render(values):
        for rule in each.get("rules", []) if each["kind"] in ("Role", "ClusterRole") else []:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            assert "secrets" not in rule["resources"] or rule["resourceNames"]


def test_rights_to_crds_last_as_long_as_an_upgrade():
    objects = rendering.render()
    assert {each[2] for each in rules(objects, "ClusterRole", "falcon-crds")} == {"patch"}
    for kind in ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Job"):
        annotations = rendering.one(objects, kind, "falcon-crds")["metadata"]["annotations"]
        assert annotations["helm.sh/hook"] == "pre-upgrade"
        assert "hook-succeeded" in annotations["helm.sh/hook-delete-policy"]
        assert "hook-failed" in annotations["helm.sh/hook-delete-policy"]


def test_rights_to_crds_are_for_all_of_ours():
    (rule,) = rendering.one(rendering.render(), "ClusterRole", "falcon-crds")["rules"]
    names = [path.stem.removeprefix("falcon.dev_") + ".falcon.dev" for path in (rendering.CHART / "crds").iterdir()]
    assert sorted(rule["resourceNames"]) == sorted(names)


def test_teams_may_write_rules_for_their_namespaces_and_nothing_else():
    objects = rendering.render()
    for name in ("falcon-rules-view", "falcon-rules-edit"):
        assert {each[:2] for each in rules(objects, "ClusterRole", name)} == {("falcon.dev", "falconrules")}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_everything_but_the_sensor_runs_restricted(values: Object):
    for name, pod in rendering.pods(rendering.render(values)):
        if name.endswith("-sensor"):
            continue
        security = pod["spec"]["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["spec"]["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert "memory" in container["resources"]["limits"]


def sensor(values: Object, version: str = OLD) -> Object:
    daemon_set = rendering.one(rendering.render(values, version), "DaemonSet", "falcon-sensor")
    found: Object = daemon_set["spec"]["template"]
    return found


def test_the_sensor_is_privileged_unless_told_otherwise():
    (container,) = sensor({})["spec"]["containers"]
    assert container["securityContext"] == {"privileged": True, "readOnlyRootFilesystem": True}


def test_the_least_privileged_sensor_has_four_capabilities():
    (container,) = sensor({"sensor": {"leastPrivileged": True}})["spec"]["containers"]
    security = container["securityContext"]
    assert security["capabilities"] == {"drop": ["ALL"], "add": ["BPF", "PERFMON", "SYS_PTRACE", "DAC_READ_SEARCH"]}
    assert "privileged" not in security
    assert security["allowPrivilegeEscalation"] is False


def test_app_armor_is_told_as_the_server_understands_it():
    values = {"sensor": {"leastPrivileged": True}}
    old, new = sensor(values), sensor(values, TODAY)
    annotation = "container.apparmor.security.beta.kubernetes.io/sensor"
    assert old["metadata"]["annotations"][annotation] == "unconfined"
    assert "appArmorProfile" not in old["spec"]["containers"][0]["securityContext"]
    assert annotation not in new["metadata"]["annotations"]
    assert new["spec"]["containers"][0]["securityContext"]["appArmorProfile"] == {"type": "Unconfined"}


def test_the_sensor_is_on_every_node_and_stays_there():
    spec = sensor({})["spec"]
    assert spec["tolerations"] == [{"operator": "Exists"}]
    assert spec["priorityClassName"] == "falcon-sensor"
    assert rendering.one(rendering.render(), "PriorityClass", "falcon-sensor")["value"] == 1_000_000_000
    assert (spec["hostPID"], spec["hostNetwork"], spec["dnsPolicy"]) == (True, True, "ClusterFirstWithHostNet")


def test_of_the_node_only_a_directory_of_its_own_is_mounted():
    paths = [volume["hostPath"]["path"] for volume in sensor({})["spec"]["volumes"] if "hostPath" in volume]
    assert paths == ["/var/lib/falcon"]


def test_the_nodes_root_is_mounted_read_only_where_that_is_asked_for():
    values = {"sensor": {"mountHostRoot": True}}
    spec = sensor(values)["spec"]
    assert {"name": "host", "hostPath": {"path": "/"}} in spec["volumes"]
    (mount,) = [each for each in spec["containers"][0]["volumeMounts"] if each["name"] == "host"]
    assert mount == {"name": "host", "mountPath": "/host", "readOnly": True, "mountPropagation": "HostToContainer"}
    settings = rendering.one(rendering.render(values), "ConfigMap", "falcon-sensor")["data"]["settings.yaml"]
    assert yaml.safe_load(settings)["cluster"]["host_root"] == "/host"


def test_an_upgrade_keeps_what_the_operator_writes():
    objects = rendering.render()
    for each in objects:
        if each["kind"] == "Secret":
            assert not {"data", "stringData"} & set(each)
        if each["kind"] == "Lease":
            assert "spec" not in each
        if each["kind"] == "ValidatingWebhookConfiguration":
            assert all("caBundle" not in webhook["clientConfig"] for webhook in each["webhooks"])


def test_the_webhook_looks_at_all_rules_and_stands_in_nobodys_way():
    (webhook,) = rendering.one(rendering.render(), "ValidatingWebhookConfiguration", "falcon")["webhooks"]
    assert (webhook["failurePolicy"], webhook["timeoutSeconds"], webhook["sideEffects"]) == ("Ignore", 5, "None")
    assert "namespaceSelector" not in webhook
    (rule,) = webhook["rules"]
    assert (rule["operations"], rule["resources"]) == (["CREATE", "UPDATE"], list(RULE_KINDS))
