"""Records in, alerts out: matching modes, both names of a file, failed execs, shadow rules, limits, errors."""

from __future__ import annotations

import random

import pytest

from falcon_rules import bundle, evaluate
from falcon_sensor.engine import engine
from falcon_sensor.engine.fields import registry
from falcon_sensor.records import decode, layout

SECOND = 1_000_000_000
READS = "evt.type in (open, openat) and evt.is_open_read = true"


def counts(judge, uid):
    """(matches, alerts, suppressed); what a rule costs is measured now and then, at random."""
    found = judge.counters[uid]
    return found.matches, found.alerts, found.suppressed


def names(alerts):
    return [alert.rule for alert in alerts]


# Alerts


def test_an_alert_says_what_the_event_says(build, rule, engine_of):
    shadow = rule(
        "Read shadow",
        f"{READS} and fd.name = /etc/shadow",
        "Shadow read by %proc.name file=%fd.name up=%proc.pname exe=%proc.exepath",
        tags=("filesystem", "mitre"),
        priority=bundle.Priority.CRITICAL,
    )
    [alert] = engine_of(shadow, extra_fields={"environment": "production"}).evaluate(
        build.open(b"/etc/shadow", b"/etc/shadow")
    )
    assert alert.output == "Shadow read by cat file=/etc/shadow up=bash exe=<NA>"
    assert (alert.rule, alert.priority, alert.source) == ("Read shadow", bundle.Priority.CRITICAL, "syscall")
    assert (alert.hostname, alert.tags, alert.container_id, alert.pod_uid) == ("node1", shadow.tags, None, None)
    assert alert.fields == {
        "proc.name": "cat",
        "fd.name": "/etc/shadow",
        "proc.pname": "bash",
        "proc.exepath": None,
        "environment": "production",
        "evt.time": alert.time,
    }


def test_alerts_have_identities_of_their_own(build, rule, engine_of):
    judge = engine_of(rule("r", READS))
    record = build.open(b"/x", b"/x")
    assert len({alert.uuid for _ in range(20) for alert in judge.evaluate(record)}) == 20


def test_an_alert_names_container_and_pod(build, rule, engine_of, contain):
    contain(name=b"web")
    [alert] = engine_of(rule("r", READS)).evaluate(build.open(b"/x", b"/x"))
    assert alert.container_id == "0123456789ab" + "c" * 52
    assert alert.pod_uid == "8c2f1e70-0000-4000-8000-000000000001"


def test_what_is_known_of_container_and_pod_is_told_though_the_text_does_not_ask(build, rule, engine_of, contain):
    contain(name=b"web", repository=b"docker.io/nginx", pod_name=b"web-1", pod_namespace=b"shop")
    [alert] = engine_of(rule("r", READS, "read")).evaluate(build.open(b"/x", b"/x"))
    assert alert.output == "read"
    assert alert.fields == {
        "container.id": "0123456789ab",
        "container.name": "web",
        "container.image.repository": "docker.io/nginx",
        "k8s.ns.name": "shop",
        "k8s.pod.name": "web-1",
        "evt.time": alert.time,
    }
    [plain] = engine_of(rule("r", READS, "read"), suggested_fields=False).evaluate(build.open(b"/x", b"/x"))
    assert plain.fields == {"evt.time": plain.time}


def test_what_is_not_known_of_a_container_is_told_only_to_who_asks(build, rule, engine_of, contain):
    contain(name=b"web")
    [alert] = engine_of(rule("r", READS, "%k8s.pod.name")).evaluate(build.open(b"/x", b"/x"))
    assert set(alert.fields) == {"container.id", "container.name", "k8s.pod.name", "evt.time"}


def test_a_rules_own_extra_fields_win_over_the_settings(build, rule, engine_of):
    labelled = rule("r", READS, extra_fields=(("team", "shop"), ("tier", "1")))
    [alert] = engine_of(labelled, extra_fields={"team": "all", "site": 3}).evaluate(build.open(b"/x", b"/x"))
    assert {key: alert.fields[key] for key in ("team", "tier", "site")} == {"team": "shop", "tier": "1", "site": 3}


def test_rules_below_the_priority_do_not_run(build, rule, engine_of):
    urgent, lax = rule("urgent", READS, priority=bundle.Priority.ERROR), rule("lax", READS)
    judge = engine_of(lax, urgent, priority=bundle.Priority.ERROR)
    assert names(judge.evaluate(build.open(b"/x", b"/x"))) == ["urgent"]
    assert [each.name for each in judge.running] == ["urgent"]


# Which rules


def test_first_mode_stops_at_the_first_rule_that_holds(build, rule, engine_of):
    rules = [rule("no", f"{READS} and fd.name = /y"), rule("a", READS), rule("b", READS)]
    assert names(engine_of(*rules).evaluate(build.open(b"/x", b"/x"))) == ["a"]


def test_all_mode_tells_of_every_rule_that_holds(build, rule, engine_of):
    rules = [rule("a", READS), rule("no", f"{READS} and fd.name = /y"), rule("b", READS)]
    assert names(engine_of(*rules, rule_matching="all").evaluate(build.open(b"/x", b"/x"))) == ["a", "b"]


def test_rules_for_other_event_types_and_sources_are_not_tried(build, rule, engine_of):
    judge = engine_of(
        rule("exec", "evt.type = execve"),
        rule("audit", READS, source="k8s_audit"),
        rule("any", "proc.name = cat"),
        rule_matching="all",
    )
    assert names(judge.evaluate(build.open(b"/x", b"/x"))) == ["any"]
    assert names(judge.evaluate(build.connect(b"\1\2\3\4", b"\5\6\7\10"))) == ["any"]
    assert names(judge.evaluate(build.exec(b"cat"))) == ["exec", "any"]


def test_shadow_rules_count_but_neither_alert_nor_hide_others(build, rule, engine_of):
    rules = [rule("shadow", READS, mode=bundle.Mode.SHADOW), rule("active", READS)]
    judge = engine_of(*rules)
    assert names(judge.evaluate(build.open(b"/x", b"/x"))) == ["active"]
    assert counts(judge, "uid/shadow") == (1, 0, 0)
    assert counts(judge, "uid/active") == (1, 1, 0)


def test_shadow_rules_behind_an_active_one_are_counted_too(build, rule, engine_of):
    judge = engine_of(rule("active", READS), rule("shadow", READS, mode=bundle.Mode.SHADOW))
    judge.evaluate(build.open(b"/x", b"/x"))
    assert judge.counters["uid/shadow"].matches == 1


def test_with_500_rules_only_candidates_are_read(build, rule, engine_of, monkeypatch):
    reads = {"proc.name": 0, "fd.sport": 0}
    for field in reads:
        plain = registry.PLAIN[field]

        def counting(e, field=field, plain=plain):
            reads[field] += 1
            return plain(e)

        monkeypatch.setitem(registry.PLAIN, field, counting)
    registry.resolver.cache_clear()
    try:
        rules = [rule(f"c{i}", f"evt.type = connect and fd.sport = {i + 1}") for i in range(400)]
        rules += [rule(f"o{i}", f"evt.type = openat and proc.name = x{i}") for i in range(100)]
        judge = engine_of(*rules, rule_matching="all")
        assert judge.evaluate(build.open(b"/x", b"/x")) == []
        assert reads == {"proc.name": 1, "fd.sport": 0}
    finally:
        registry.resolver.cache_clear()


def test_what_was_generated_can_be_seen(rule, engine_of):
    sources = engine_of(rule("r", "evt.type = connect and fd.sport = 4711")).sources()
    assert "4711" in sources["connect"]
    assert "4711" not in sources["openat"]


# Failed execs


@pytest.mark.parametrize(
    ("condition", "seen"),
    [
        ("evt.type in (execve, execveat) and proc.name = cat", False),
        ("evt.type = execve and evt.res != SUCCESS", True),
        ("evt.type = execve and evt.rawres < 0", True),
        ("evt.type = execve and evt.failed = true", True),
        ("evt.type = execve and evt.arg.res = ENOENT", True),
        ("evt.type = execve and not evt.arg[0] = 0", True),
        ("evt.type = execve and not (proc.name = x and evt.rawres = 5)", True),
    ],
)
def test_a_failed_exec_is_seen_only_by_rules_that_test_the_result(build, rule, engine_of, condition, seen):
    alerts = engine_of(rule("r", condition)).evaluate(build.exec(b"nosuch", result=-2))
    assert bool(alerts) is seen


def test_failed_opens_are_events_like_others(build, rule, engine_of):
    opens = rule("r", "evt.type = openat and fd.name = /etc/nothing")
    assert names(engine_of(opens).evaluate(build.open(b"/etc/nothing"))) == ["r"]


# Either name


SYMLINK = {"name": b"/tmp/link", "path": b"/etc/shadow"}


def test_a_rule_true_of_the_opened_name_prints_it(build, rule, engine_of):
    judge = engine_of(rule("r", "evt.type = openat and fd.name = /etc/shadow", "%fd.name"))
    assert [alert.output for alert in judge.evaluate(build.open(**SYMLINK))] == ["/etc/shadow"]


def test_a_rule_true_of_the_given_name_prints_that_one(build, rule, engine_of):
    judge = engine_of(rule("r", "evt.type = openat and fd.directory = /tmp", "%fd.name %fd.nameraw"))
    assert [alert.output for alert in judge.evaluate(build.open(**SYMLINK))] == ["/tmp/link /tmp/link"]


def test_a_rule_true_of_both_names_alerts_once_with_the_opened_one(build, rule, engine_of):
    for mode in ("first", "all"):
        judge = engine_of(rule("r", "evt.type = openat and fd.name startswith /", "%fd.name"), rule_matching=mode)
        assert [alert.output for alert in judge.evaluate(build.open(**SYMLINK))] == ["/etc/shadow"]


def test_the_earlier_rule_wins_whichever_name_it_holds_for(build, rule, engine_of):
    given = rule("given", "evt.type = openat and fd.name = /tmp/link", "%fd.name")
    opened = rule("opened", "evt.type = openat and fd.name = /etc/shadow", "%fd.name")
    record = build.open(**SYMLINK)
    assert [a.output for a in engine_of(given, opened).evaluate(record)] == ["/tmp/link"]
    assert [a.output for a in engine_of(opened, given).evaluate(record)] == ["/etc/shadow"]
    both = engine_of(given, opened, rule_matching="all").evaluate(record)
    assert [a.output for a in both] == ["/tmp/link", "/etc/shadow"]


def test_a_name_without_links_is_tried_once(build, rule, engine_of, monkeypatch):
    # `not` would hold for a second, different name: with one name it must not.
    judge = engine_of(rule("r", "evt.type = openat and not fd.name = /etc/shadow"))
    assert judge.evaluate(build.open(b"/etc/../etc//shadow", b"/etc/shadow")) == []
    assert judge.evaluate(build.open(b"shadow", b"/etc/shadow")) == []


def test_rules_that_read_no_name_are_tried_once(build, rule, engine_of):
    judge = engine_of(rule("r", "evt.type = openat and evt.num > 0"), rule_matching="all")
    judge.evaluate(build.open(**SYMLINK))
    assert judge.counters["uid/r"].matches == 1


def test_a_relative_name_is_made_absolute_with_the_working_directory(build, rule, engine_of, state):
    state.observe(build.exec(b"cat", cwd=b"/srv/app"))
    judge = engine_of(rule("r", "evt.type = openat and fd.name = /srv/link", "%fd.name"))
    record = build.open(b"../link", b"/etc/shadow", time=101 * SECOND)
    assert [alert.output for alert in judge.evaluate(record)] == ["/srv/link"]


# Scope


POD = {
    "name": b"web",
    "image": b"docker.io/nginx:1.25",
    "repository": b"docker.io/nginx",
    "pod_namespace": b"shop",
    "pod_labels": {b"app": b"web", b"tier": b"1"},
}


@pytest.mark.parametrize(
    ("scope", "host", "pod", "unknown"),
    [
        (bundle.Scope(), True, True, True),
        (bundle.Scope(host=False), False, True, True),
        (bundle.Scope(namespace="shop"), False, True, False),
        (bundle.Scope(namespace="other"), False, False, False),
        (bundle.Scope(pod_labels=(("app", "web"), ("tier", "1"))), False, True, False),
        (bundle.Scope(pod_labels=(("app", "web"), ("tier", "2"))), False, False, False),
        (bundle.Scope(container_names=("db", "w*")), False, True, False),
        (bundle.Scope(container_names=("host",)), False, False, False),
        (bundle.Scope(images=("docker.io/nginx",)), False, True, False),
        (bundle.Scope(images=("docker.io/nginx:1.2?",)), False, True, False),
        (bundle.Scope(images=("nginx",)), False, False, False),
    ],
)
def test_a_rule_sees_what_its_scope_says(build, rule, engine_of, contain, scope, host, pod, unknown):
    judge = engine_of(rule("r", READS, scope=scope))
    record = build.open(b"/x", b"/x")
    assert bool(judge.evaluate(record)) is host
    contain(**POD)
    assert bool(judge.evaluate(build.open(b"/x", b"/x"))) is pod
    contain(None)
    assert bool(judge.evaluate(build.open(b"/x", b"/x"))) is unknown


def test_a_rule_out_of_scope_does_not_hide_the_next(build, rule, engine_of):
    rules = [rule("scoped", READS, scope=bundle.Scope(namespace="shop")), rule("wide", READS)]
    assert names(engine_of(*rules).evaluate(build.open(b"/x", b"/x"))) == ["wide"]


# Limits


def test_what_is_held_back_is_counted_and_told_with_the_next_alert(build, rule, engine_of):
    limited = rule("r", READS, rate_limit=bundle.RateLimit(alerts=2, per_seconds=1.0))
    judge = engine_of(limited)
    told = [judge.evaluate(build.open(b"/x", b"/x")) for _ in range(5)]
    assert [len(alerts) for alerts in told] == [1, 1, 0, 0, 0]
    assert "falcon.suppressed" not in told[0][0].fields
    [later] = judge.evaluate(build.open(b"/x", b"/x", time=102 * SECOND))
    assert (later.suppressed, later.fields["falcon.suppressed"]) == (3, 3)
    assert counts(judge, "uid/r") == (6, 3, 3)
    assert judge.suppressed() == {"r": 3}


def test_a_flood_in_one_container_does_not_silence_another(build, rule, engine_of, contain):
    judge = engine_of(rule("r", READS), rate_limit=bundle.RateLimit(alerts=1, per_seconds=60.0))
    counts = [len(judge.evaluate(build.open(b"/x", b"/x"))) for _ in range(3)]
    contain(None)
    assert (counts, len(judge.evaluate(build.open(b"/x", b"/x")))) == ([1, 0, 0], 1)


# What goes wrong


@pytest.fixture
def broken_field(monkeypatch):
    """`proc.tty` raises."""

    def raising(e):
        raise ZeroDivisionError("tty")

    monkeypatch.setitem(registry.PLAIN, "proc.tty", raising)
    registry.resolver.cache_clear()
    yield
    registry.resolver.cache_clear()


@pytest.mark.parametrize("mode", ["first", "all"])
def test_a_rule_that_raises_silences_no_other_and_is_told_once(build, rule, engine_of, broken_field, mode):
    rules = [rule("bad", f"{READS} and proc.tty != 0"), rule("good", READS)]
    judge = engine_of(*rules, rule_matching=mode)
    assert names(judge.evaluate(build.open(b"/x", b"/x"))) == ["good", engine.BROKEN_RULE]
    assert names(judge.evaluate(build.open(b"/x", b"/x"))) == ["good"]
    assert (judge.counters["uid/bad"].errors, judge.counters["uid/good"].errors) == (2, 0)


def test_a_rule_that_cannot_be_generated_silences_no_other(build, rule, engine_of, monkeypatch):
    bad = rule("bad", f"{READS} and proc.tty != 4711")
    original = evaluate.compiled.compile_rules

    def refusing(rules, resolver, first):
        if any(condition == bad.condition for _, condition in rules):
            raise MemoryError("too large")
        return original(rules, resolver, first)

    monkeypatch.setattr(evaluate, "compile_rules", refusing)
    monkeypatch.setattr(evaluate.compiled, "compile_rules", refusing)
    judge = engine_of(bad, rule("good", READS))
    assert names(judge.evaluate(build.open(b"/x", b"/x"))) == ["good", engine.BROKEN_RULE]
    assert names(judge.evaluate(build.open(b"/x", b"/x"))) == ["good"]


def test_an_output_that_raises_does_not_swallow_the_match(build, rule, engine_of, broken_field):
    judge = engine_of(rule("r", READS, "tty %proc.tty"))
    alert, diagnostic = judge.evaluate(build.open(b"/x", b"/x"))
    assert (alert.rule, alert.output) == ("r", "r")
    assert diagnostic.rule == engine.BROKEN_RULE
    assert "ZeroDivisionError" in diagnostic.output


def test_hostile_records_are_refused_as_records_or_judged(build, rule, engine_of):
    """Whatever bytes come: ValueError where they are no record, and no other error after that."""
    conditions = [
        "proc.aname in (sh, bash) or proc.cmdline contains x or proc.env[A] = b",
        "fd.name startswith /etc or fd.filename = x or evt.arg.flags contains O_CREAT",
        "fd.ip = 1.2.3.4 or fd.net = 10.0.0.0/8 or fd.port in (1, 2) or fd.sip.name = x",
        "user.name = root or group.name = x or proc.sname = y or container.id != host",
    ]
    text = "%evt.args %fd.name %evt.time %proc.acmdline %fd.sproto %thread.cap_effective"
    rules = [rule(f"r{i}", condition, text) for i, condition in enumerate(conditions)]
    judge = engine_of(*rules, rule_matching="all")
    noise = random.Random(7)
    judged = 0
    for kind, seed in [(kind, n) for kind in layout.KIND_OF for n in range(40)]:
        data = bytearray(build.raw(kind, **({"args": b"a\0b\0"} if kind.startswith("exec") else {})))
        if seed % 2:
            data += noise.randbytes(200)
        for _ in range(noise.choice((1, 5, 60))):
            data[noise.randrange(4, len(data))] = noise.randrange(256)
        try:
            record = decode.Record(bytes(data))
        except ValueError:
            continue
        judge.evaluate(record)
        judged += 1
    assert judged > 50
    assert {uid: c.errors for uid, c in judge.counters.items() if c.errors} == {}


def test_random_bytes_are_no_record():
    noise = random.Random(11)
    for _ in range(200):
        with pytest.raises(ValueError):
            decode.Record(noise.randbytes(noise.randrange(0, 2000)))
