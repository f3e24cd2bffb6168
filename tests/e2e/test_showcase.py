"""The first alert a newcomer sees: somebody opens a shell in a container that runs nginx."""

from __future__ import annotations

import datetime
import os
import time
import uuid

import pytest

pytestmark = [pytest.mark.kernel, pytest.mark.containers]

RULE = "Terminal shell in container"
NGINX = ["/usr/sbin/nginx", "run", "/bin/bash", "/bin/bash", "-c", "true"]


def only_alert(scene, running):
    running.settle()
    alerts = running.alerts(scene.mark)
    assert [alert["rule"] for alert in alerts] == [RULE], alerts
    return alerts[0]


def test_shell_under_nginx_is_told_with_everything_one_asks_first(scene, default_sensor):
    before = time.time()
    # What plain runc knows of an image is this annotation. The shell stays a while, as a person would.
    annotations = {"org.opencontainers.image.ref.name": "registry.example/shop/web:1.2"}
    shell = ["/usr/sbin/nginx", "run", "/bin/bash", "/bin/bash", "-c", "sleep 1; true"]
    result = scene.container(shell, terminal=True, annotations=annotations)
    alert = only_alert(scene, default_sensor)
    fields = alert["output_fields"]

    assert alert["priority"] == "Notice"
    assert fields["user.name"] == "root"
    assert (fields["proc.name"], fields["proc.pname"]) == ("bash", "nginx")
    assert fields["proc.cmdline"] == "bash -c sleep 1; true"
    assert fields["proc.exepath"].endswith("/bin/bash")
    assert os.major(fields["proc.tty"]) == 136, "a pseudo terminal"
    assert fields["container.id"] == result.id[:12]
    assert fields["container.name"]
    assert fields["container.image.repository"] == "registry.example/shop/web"
    for part in ("bash -c sleep 1; true", "parent=nginx", f"container={result.id[:12]}", "user=root"):
        assert part in alert["output"]
    when = datetime.datetime.fromisoformat(alert["time"][:26] + "+00:00").timestamp()
    assert before - 1 < when < time.time() + 1


@pytest.mark.parametrize(
    "cgroups_path",
    [
        "/docker/{id}",
        "/kubepods/burstable/pod{uid}/{id}",
        "/kubepods.slice/kubepods-pod{slug}.slice/cri-containerd-{id}.scope",
        "/kubepods.slice/kubepods-pod{slug}.slice/crio-{id}.scope",
        "/machine.slice/libpod-{id}.scope",
        "/system.slice/docker-{id}.scope",
    ],
)
def test_container_is_recognised_by_its_control_group(cgroups_path, scene, default_sensor):
    uid = str(uuid.uuid4())
    path = cgroups_path.replace("{uid}", uid).replace("{slug}", uid.replace("-", "_"))
    result = scene.container(NGINX, terminal=True, cgroups_path=path)
    assert only_alert(scene, default_sensor)["output_fields"]["container.id"] == result.id[:12]


def test_user_of_the_container_has_the_name_that_the_container_gives(scene, default_sensor):
    """The image's own account list says anna; the host's knows nobody of that id, or somebody else.

    The list can be read while the container lives, so the shell stays a while, as a person would."""
    scene.container([*NGINX[:-1], "sleep 1; true"], terminal=True, user=1000)
    assert only_alert(scene, default_sensor)["output_fields"]["user.name"] == "anna"
