"""The webhook as a real API server asks it."""

from __future__ import annotations

import asyncio
import ssl

import pytest
from cryptography import x509
from tests.operator.support.world import NAMESPACES, World, eventually

from falcon_operator.clients import errors, kinds

BROKEN = "evt.type = execve and proc.nam = bash"


def configuration(name: str, port: int) -> dict:
    """As in the chart, but by URL: these tests have no Services. The operator puts in the CA."""
    rules = [
        {
            "apiGroups": ["falcon.dev"],
            "apiVersions": ["v1alpha1"],
            "operations": ["CREATE", "UPDATE"],
            "resources": ["falconrules", "clusterfalconrules", "falconrulesets"],
        }
    ]
    hook = {
        "name": "rules.falcon.dev",
        "clientConfig": {"url": f"https://127.0.0.1:{port}/validate"},
        "rules": rules,
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        # Ignore in the chart; here a webhook that does not answer must show.
        "failurePolicy": "Fail",
        "timeoutSeconds": 10,
    }
    return {"metadata": {"name": name}, "webhooks": [hook]}


@pytest.fixture
async def guarded(world: World):
    """A world whose rules are asked about, by an operator that is up."""
    settings = world.settings()
    name = f"falcon-{world.namespace}"
    async with world.operator(admission_port=settings.admission_port, webhook_name=name) as operator:
        await world.make(kinds.WEBHOOKS, configuration(name, settings.admission_port))
        await operator.admission.serving.wait()
        await operator.compilation.first.wait()

        async def asked() -> bool:
            try:
                await world.rule("probe", BROKEN)
            except errors.ApiError as error:
                return "admission webhook" in error.message and "proc.nam" in error.message
            await world.api.delete(kinds.CLUSTER_FALCON_RULE, "probe")
            return False

        await eventually(asked)
        yield world, operator
        # Before the operator goes: what is cleaned up must not be asked about.
        await world.api.delete(kinds.WEBHOOKS, name)


async def test_a_broken_rule_is_refused_and_not_stored(guarded):
    world, _ = guarded
    with pytest.raises(errors.ApiError) as caught:
        await world.rule("broken", BROKEN)
    assert caught.value.status == 422
    for part in ("spec.condition:1:23", "^^^^^^^^", "did you mean 'proc.name'?"):
        assert part in caught.value.message
    with pytest.raises(errors.NotFound):
        await world.api.get(kinds.CLUSTER_FALCON_RULE, "broken")


async def test_a_good_rule_may_not_become_a_broken_one(guarded):
    world, _ = guarded
    await world.rule("changing")
    with pytest.raises(errors.ApiError, match="did you mean"):
        await world.api.patch(kinds.CLUSTER_FALCON_RULE, "changing", {"spec": {"condition": BROKEN}})


async def test_a_rule_may_follow_the_macro_that_it_uses_at_once(guarded):
    world, _ = guarded
    macros = [{"macro": "just_made", "condition": "evt.type = execve"}]
    await world.make(kinds.FALCON_RULE_SET, {"metadata": {"name": "words"}, "spec": {"macros": macros}})
    await world.rule("follows", "just_made and proc.name = bash")


async def test_a_rule_may_come_before_the_macro_that_it_uses(guarded):
    """As Helm stores them, and kubectl with a directory: by kind, or by the names of files."""
    world, _ = guarded
    await world.rule("early", "made_after_it and proc.name = bash")
    await eventually(lambda: _has(world, "early", ("False", "CompileError")))
    macros = [{"macro": "made_after_it", "condition": "evt.type = execve"}]
    await world.make(kinds.FALCON_RULE_SET, {"metadata": {"name": "words"}, "spec": {"macros": macros}})
    await eventually(lambda: _has(world, "early", ("True", "Compiled")))
    with pytest.raises(errors.ApiError, match="did you mean 'made_after_it'"):
        await world.rule("misspelt", "made_aftr_it and proc.name = bash")


async def _has(world, name, wanted):
    return await world.condition(name, "Compiled") == wanted


async def test_a_broken_rule_set_is_refused(guarded):
    world, _ = guarded
    text = "- rule: x\n  desc: x\n  condition: evt.type = execve and proc.nam = a\n  output: x\n  priority: NOTICE\n"
    body = {"metadata": {"name": "bad-words"}, "spec": {"rules": text}}
    with pytest.raises(errors.ApiError, match=r"proc\.nam"):
        await world.make(kinds.FALCON_RULE_SET, body)


async def test_deletions_and_labels_are_never_refused(guarded):
    """A rule that was broken before the webhook came can be labelled and removed."""
    world, _ = guarded
    name = f"falcon-{world.namespace}"
    hooks = (await world.api.get(kinds.WEBHOOKS, name))["webhooks"]
    hooks[0]["rules"][0]["operations"] = ["UPDATE", "DELETE"]
    await world.api.patch(kinds.WEBHOOKS, name, {"webhooks": hooks})

    async def stored() -> bool:
        try:
            await world.rule("old", BROKEN)
        except errors.ApiError:
            return False
        return True

    await eventually(stored)
    await world.api.patch(kinds.CLUSTER_FALCON_RULE, "old", {"metadata": {"labels": {"team": "a"}}})
    await world.api.delete(kinds.CLUSTER_FALCON_RULE, "old")


async def test_a_namespaced_rule_is_refused_by_its_full_name(guarded):
    world, _ = guarded
    spec = {"condition": BROKEN, "output": "x", "priority": "Notice"}
    with pytest.raises(errors.ApiError, match=f"falconrule/{world.namespace}/mine"):
        await world.make(kinds.FALCON_RULE, {"metadata": {"name": "mine"}, "spec": spec}, world.namespace)
    assert (await world.api.get(NAMESPACES, world.namespace))["metadata"]["name"] == world.namespace


async def test_a_new_certificate_is_shown_without_a_restart(guarded):
    world, operator = guarded
    port = operator.admission._port

    async def shown() -> int:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return x509.load_der_x509_certificate(der).serial_number

    before = await shown()
    await world.api.patch(kinds.SECRET, "falcon-admission", {"data": None}, world.namespace)
    await eventually(operator.rotation.turn)
    assert await shown() != before
    with pytest.raises(errors.ApiError, match="did you mean"):
        await world.rule("broken", BROKEN)
