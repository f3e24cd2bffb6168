"""A recording answers every question a rule may ask as the machine did."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from tests.sensor.support import heads

from falcon_rules import operands
from falcon_rules.fields import events, table
from falcon_sensor.app import replay, rulefiles
from falcon_sensor.engine import event
from falcon_sensor.engine.fields import registry
from falcon_sensor.recording import file, replayed
from falcon_sensor.records import decode, layout
from falcon_sensor.state import cgroups, containers, description, view

SECOND = 1_000_000_000
HEADER = file.Header("node1", "6.1.0", 1_700_000_000 * SECOND)
HEAD = heads.head(
    pid=4242,
    time=100 * SECOND,
    start=90 * SECOND,
    mnt_ns=4026531840,
    sid=4000,
    vsid=4000,
    uid=1000,
    loginuid=1000,
    tty=34816,
    comm=b"cat",
)
ANCESTORS = (
    decode.Ancestor(80 * SECOND, 4000, 4000, b"bash"),
    decode.Ancestor(70 * SECOND, 3000, 3000, b"sshd"),
    decode.Ancestor(1 * SECOND, 1, 1, b"systemd"),
)
ARGUMENTS = {
    table.ArgumentForm.NONE: (None,),
    table.ArgumentForm.OPTIONAL_NUMBER: (None, "0", "1", "2"),
    table.ArgumentForm.NUMBER: ("1",),
    table.ArgumentForm.OPTIONAL_KEY: (None, "HOME", "/data"),
    table.ArgumentForm.KEY: ("app",),
    table.ArgumentForm.PATH_END: (None,),
}
DESCRIBED = description.Description(
    type=b"containerd",
    name=b"web",
    image=b"registry.example/web:1",
    repository=b"registry.example/web",
    tag=b"1",
    privileged=False,
    mounts=(description.Mount(b"/srv", b"/data", b"rw", True, b"private"),),
    labels={b"app": b"shop", b"odd \xff": b"\xfe"},
    pod_name=b"web-1",
    pod_labels={b"app": b"shop"},
    created=50 * SECOND,
)


def exec_record(argv: tuple[bytes, ...], head: decode.Head, ancestors: tuple[decode.Ancestor, ...]) -> decode.Record:
    blobs = {
        "filename": b"/usr/bin/" + argv[0],
        "exe": b"/usr/bin/" + argv[0],
        "cwd": b"/srv/\xff",
        "args": b"".join(each + b"\0" for each in argv),
        "env": b"HOME=/home/bob\0EMPTY=\0",
    }
    body = decode.ExecBody(1, 2, 77, 60 * SECOND, 61 * SECOND, 8, 0)
    execve = head._replace(event=layout.EVENTS.index("execve"))
    return decode.Record(decode.encode(layout.Kind.EXEC, execve, ancestors, body, blobs))


def open_record(head: decode.Head) -> decode.Record:
    body = decode.OpenBody(77, 0x801, 0, 0, event.AT_FDCWD)
    opening = head._replace(event=layout.EVENTS.index("openat"), result=3, time=head.time + SECOND)
    blobs = {"name": b"notes", "path": b"/etc/notes", "cgroup": b"/x"}
    return decode.Record(decode.encode(layout.Kind.OPEN, opening, ANCESTORS, body, blobs))


def bash() -> decode.Record:
    head = HEAD._replace(comm=b"bash", pid=4000, vpid=4000, start=80 * SECOND, time=81 * SECOND)
    return exec_record((b"bash", b"-l", b""), head, ANCESTORS[1:])


@pytest.fixture
def state(tmp_path: Path) -> view.State:
    """A machine with one user, no processes in /proc and no runtimes."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text("bob:x:1000:1000::/home/bob:/bin/bash\n")
    return view.State(proc=str(tmp_path / "proc"), host_root=str(tmp_path))


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "recording")


def values(asked: event.Event) -> dict[str, object]:
    """Every field that the sensor fills, but those of this machine's clock."""
    found: dict[str, object] = {}
    for field in table.fields().values():
        forms = ARGUMENTS.get(field.argument, ())
        if field.argument in (table.ArgumentForm.EVENT_ARGUMENT, table.ArgumentForm.RAW_EVENT_ARGUMENT):
            forms = tuple(name for name, _ in events.arguments()[asked.type])
        for argument in forms:
            dotted = argument is not None and field.argument in table.DOT_FORMS
            name, bracket = (f"{field.name}.{argument}", None) if dotted else (field.name, argument)
            reference = operands.reference(table.lookup(name, bracket))
            if registry.reason(reference) is None:
                found[table.written(reference.name, reference.argument)] = registry.resolver(reference)(asked)
    return found


def recorded(path: str, state: view.State, *records: decode.Record) -> list[dict[str, object]]:
    """Records everything; what the machine's own state says of each."""
    writer = file.Writer(path, HEADER, state)
    session = event.Session(state, b"node1")
    found = []
    for record in records:
        if record.kind is layout.Kind.EXEC:
            state.observe(record)
        found.append(values(session.next(record)))
        writer.evaluate(record)
    writer.close(lost=0)
    return found


def replayed_values(path: str) -> list[dict[str, object]]:
    reader = file.Reader(path)
    state = replayed.State(reader)
    session = event.Session(state, b"node1")
    found = []
    for each in reader.events():
        state.turn_to(each)
        found.append(values(session.next(each.record)))
    return found


def test_every_field_of_every_event_comes_out_as_it_was(path, state, monkeypatch):
    monkeypatch.setattr(state, "clock", replayed.Clock(HEADER.boot_offset))
    cat = exec_record((b"cat", b"a b", b"\xff"), HEAD, ANCESTORS)
    seen = recorded(path, state, bash(), cat, open_record(HEAD))
    assert replayed_values(path) == seen
    assert seen[1]["user.name"] == b"bob"
    assert seen[2]["proc.cmdline"] == b"cat a b \xff"
    assert seen[2]["proc.pcmdline"] == b"bash -l "
    assert seen[2]["proc.sname"] == b"bash"


def call_record(name: str, *registers: int) -> decode.Record:
    kind = layout.KIND_OF[name]
    called = HEAD._replace(event=layout.EVENTS.index(name), time=103 * SECOND)
    body = decode.PlainBody(*registers, *[0] * (6 - len(registers)))
    return decode.Record(decode.encode(kind, called, ANCESTORS, body, {}))


def test_ids_among_a_calls_arguments_keep_their_names(path, state, monkeypatch):
    monkeypatch.setattr(state, "clock", replayed.Clock(HEADER.boot_offset))
    seen = recorded(path, state, bash(), call_record("setuid", 1000), call_record("kill", 4000, 9))
    assert replayed_values(path) == seen
    assert seen[1]["evt.arg.uid"] == b"bob"
    assert (seen[2]["evt.arg.pid"], seen[2]["evt.arg.sig"]) == (b"bash", b"SIGKILL")


@pytest.mark.parametrize("told", [DESCRIBED, None], ids=["described", "undescribed"])
def test_containers_come_out_as_they_were(path, state, monkeypatch, told):
    monkeypatch.setattr(state, "clock", replayed.Clock(HEADER.boot_offset))
    match = cgroups.Match(b"0123456789ab" + b"c" * 52, b"containerd", b"8c2f1e70-0000-4000-8000-000000000001")
    monkeypatch.setattr(state, "container", lambda record: containers.Container(match, lambda _: told))
    seen = recorded(path, state, bash(), open_record(HEAD))
    assert replayed_values(path) == seen
    assert seen[1]["container.id"] == b"0123456789ab"
    assert seen[1]["container.name"] == (b"web" if told else None)


def rules(folder: Path, condition: str, name: str = "R") -> str:
    path = folder / f"{name}.yaml"
    text = f"- rule: {name}\n  desc: d\n  condition: {condition}\n  priority: NOTICE\n"
    path.write_text(text + "  output: '%evt.time %proc.cmdline by %user.name'\n")
    return str(path)


def test_a_replay_prints_the_same_every_time(path, state, tmp_path, capsys):
    recorded(path, state, bash(), exec_record((b"cat", b"x"), HEAD, ANCESTORS), open_record(HEAD))
    request = replay.Request(path, (rules(tmp_path, "proc.name = cat"),), json=True)
    printed = []
    for _ in range(2):
        assert replay.run(request) == 0
        shown = capsys.readouterr()
        printed.append(shown.out)
        assert "3 events, 2 alerts" in shown.err
    assert printed[0] == printed[1]
    alerts = [json.loads(line) for line in printed[0].splitlines()]
    assert [each["output_fields"]["proc.cmdline"] for each in alerts] == ["cat x", "cat x"]
    assert len({each["uuid"] for each in alerts}) == 2
    assert {each["hostname"] for each in alerts} == {"node1"}
    assert alerts[0]["output_fields"]["evt.time"] == HEADER.boot_offset + 100 * SECOND


def test_every_rule_that_holds_may_tell(path, state, tmp_path):
    recorded(path, state, bash())
    both = rulefiles.compiled([rules(tmp_path, "evt.type = execve"), rules(tmp_path, "proc.name = bash", "S")])
    for every, told in ((False, [["R"]]), (True, [["R", "S"]])):
        found = replay.replay(file.Reader(path), both, every=every)
        assert [[alert.rule for alert in alerts] for alerts in found] == told


def test_shared_pieces_are_written_once(path, state):
    recorded(path, state, bash(), *(open_record(HEAD._replace(time=HEAD.time + number)) for number in range(50)))
    with gzip.open(path) as content:
        kinds = [next(iter(json.loads(line))) for line in content]
    assert kinds.count("image") <= 2
    assert kinds.count("event") == 51


def test_only_the_owner_may_read_a_recording(path, state):
    recorded(path, state, bash())
    assert Path(path).stat().st_mode & 0o777 == 0o600


def test_a_recording_that_was_cut_off_is_replayed_as_far_as_it_goes(path, state, tmp_path, capsys):
    recorded(path, state, bash(), *(open_record(HEAD._replace(time=HEAD.time + number)) for number in range(2000)))
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[: len(content) // 2])
    assert replay.run(replay.Request(path, (rules(tmp_path, "proc.name = nobody"),))) == 0
    assert "the recording was cut off" in capsys.readouterr().err


def rewrite(path: str, change) -> None:
    with gzip.open(path) as content:
        lines = content.read().splitlines(keepends=True)
    with gzip.open(path, "wb") as content:
        content.writelines(change(lines))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda lines: [lines[0].replace(b'"version":1', b'"version":2'), *lines[1:]], "another release"),
        (lambda lines: [lines[0].replace(b'"layout":"', b'"layout":"f'), *lines[1:]], "another release"),
        (lambda lines: [b"[]\n"], "line 1 is damaged"),
        (lambda lines: [], "is no recording"),
        (lambda lines: [*lines[:-2], lines[-2].replace(b'"line":[', b'"lime":['), lines[-1]], "is damaged"),
        (lambda lines: [*lines[:-1], b'{"event":"abc"}\n'], "is damaged"),
        (lambda lines: [*lines[:-1], b"{\n"], "is damaged"),
    ],
)
def test_what_is_no_good_recording_is_told_in_one_line(path, state, tmp_path, capsys, change, told):
    recorded(path, state, bash())
    rewrite(path, change)
    assert replay.run(replay.Request(path, (rules(tmp_path, "proc.name = bash"),))) == 1
    shown = capsys.readouterr().err
    assert told in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"text", None])
def test_other_files_are_no_recordings(path, tmp_path, capsys, content):
    if content is not None:
        Path(path).write_bytes(content)
    assert replay.run(replay.Request(path, (rules(tmp_path, "proc.name = bash"),))) == 1
    assert path in capsys.readouterr().err


def test_rules_with_errors_are_told(path, state, tmp_path, capsys):
    recorded(path, state, bash())
    assert replay.run(replay.Request(path, (rules(tmp_path, "proc.nam = bash"),))) == 1
    assert "did you mean 'proc.name'?" in capsys.readouterr().err


def test_rules_that_never_hold_here_are_told(path, state, tmp_path, capsys):
    recorded(path, state, bash())
    assert replay.run(replay.Request(path, (rules(tmp_path, "evt.type = cpu_hotplug"),))) == 0
    assert "never holds here" in capsys.readouterr().err


def test_rules_on_what_no_record_has_are_refused(path, state, tmp_path, capsys):
    recorded(path, state, bash())
    assert replay.run(replay.Request(path, (rules(tmp_path, "evt.type = execve and proc.vmsize > 1"),))) == 1
    assert "cannot fill proc.vmsize" in capsys.readouterr().err
