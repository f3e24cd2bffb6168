from __future__ import annotations

import collections
import time

import pytest

from falcon_rules import bundle, output
from falcon_rules.evaluate import mapping
from falcon_rules.output import parsing

TIME = 1700000000_123456789


def rendered(text, event, extras=()):
    return output.compile_output(parsing.parse(text), mapping.resolver, extras).render(event, TIME)


@pytest.mark.parametrize(
    ("text", "event", "message", "fields"),
    [
        ("%proc.name", {}, "<NA>", {"proc.name": None}),
        ("%proc.args|", {"proc.args": ""}, "|", {"proc.args": ""}),
        ("%proc.pid", {"proc.pid": 7}, "7", {"proc.pid": 7}),
        ("%fd.dev", {"fd.dev": 64768}, "FD00", {"fd.dev": 64768}),
        ("%evt.deltatime.ns", {"evt.deltatime.ns": 42}, "000000042", {"evt.deltatime.ns": 42}),
        ("%thread.cpu", {"thread.cpu": 12.345}, "12.3", {"thread.cpu": 12.345}),
        ("%proc.fdusage", {"proc.fdusage": 3}, "3.0", {"proc.fdusage": 3}),
        ("%evt.failed", {"evt.failed": False}, "false", {"evt.failed": False}),
        ("%fd.sip", {"fd.sip": "2001:db8::1"}, "2001:db8::1", {"fd.sip": "2001:db8::1"}),
        ("%fd.types", {"fd.types": ["file", "ipv4"]}, "(file,ipv4)", {"fd.types": ["file", "ipv4"]}),
        ("%fd.types", {"fd.types": []}, "()", {"fd.types": None}),
        ("%evt.buffer", {"evt.buffer": {"hex": "6100ff62"}}, "a..b", {"evt.buffer": "a..b"}),
        ("%proc.name", {"proc.name": {"hex": "61ff62"}}, "a�b", {"proc.name": "a�b"}),
        ("%proc.aname", {"proc.aname[1]": "bash", "proc.aname[2]": "sshd"}, "bash sshd", {"proc.aname": "bash sshd"}),
        ("%proc.apid", {"proc.pid": 9, "proc.apid[1]": 3}, "9", {"proc.apid": 9}),
        ("%fd.ip", {"fd.cip": "10.0.0.1"}, "<NA>", {"fd.ip": None}),
        ("%6proc.name|", {"proc.name": "ab"}, "ab    |", {"proc.name": "ab"}),
        ("%1proc.name|", {"proc.name": "ab"}, "a|", {"proc.name": "ab"}),
        ("%0proc.name|", {"proc.name": "ab"}, "|", {"proc.name": "ab"}),
        ("%6proc.name|", {}, "<NA>  |", {"proc.name": None}),
        ("%tolower(proc.name)", {"proc.name": "AB"}, "ab", {"proc.name": "AB"}),
        ("%len(proc.name)", {"proc.name": "é"}, "2", {"proc.name": "é"}),
        ("%len(evt.arg.flags)", {"evt.arg.flags": "ab"}, "2", {"evt.arg.flags": "ab"}),
        ('%join("-", (proc.name, proc.pid))', {"proc.name": "a"}, "<NA>", {"proc.name": "a", "proc.pid": None}),
        ('%getopt(("-a", "-b"), "ab")', {}, "(a,b)", {}),
        ('%getopt(("-a", "x"), "a:")[a]', {}, "x", {}),
        ("%evt.time.iso8601", {}, "2023-11-14T22:13:20.123456789+0000", {"evt.time.iso8601": TIME}),
        ("%evt.rawtime.s", {"evt.rawtime": TIME}, "1700000000", {"evt.rawtime.s": 1700000000}),
        ('%proc.env["A B"]', {"proc.env[A B]": "x"}, "x", {'proc.env["A B"]': "x"}),
    ],
)
def test_values_are_printed_by_their_type(text, event, message, fields):
    assert rendered(text, event) == (message, fields)


def test_each_field_is_read_once():
    reads: collections.Counter[str] = collections.Counter()

    def counting(field):
        extract = mapping.resolver(field)

        def read(event):
            reads[field.name] += 1
            return extract(event)

        return read

    renderer = output.compile_output(parsing.parse("%proc.name %proc.name %5proc.name"), counting)
    assert renderer.render({"proc.name": "a"}, TIME) == ("a a a    ", {"proc.name": "a"})
    assert reads == {"proc.name": 1}


def test_extra_fields_are_rendered_or_raw():
    extras = [
        output.Extra("who", parsing.parse("%user.name (%user.uid)")),
        output.Extra("proc.pid", parsing.parse("%proc.pid"), raw=True),
        output.Extra("cluster", parsing.parse("berlin")),
    ]
    message, fields = rendered("%proc.name", {"proc.name": "a", "user.uid": 5, "proc.pid": 7}, extras)
    assert message == "a"
    assert fields == {"proc.name": "a", "who": "<NA> (5)", "proc.pid": 7, "cluster": "berlin"}


def test_a_line_starts_with_time_and_priority(monkeypatch):
    monkeypatch.setattr(time, "localtime", time.gmtime)
    assert output.line(TIME, bundle.Priority.ERROR, "x") == "22:13:20.123456789: Error x"
    iso = output.line(TIME, bundle.Priority.ERROR, "x", output.Options(iso=True))
    assert iso == "2023-11-14T22:13:20.123456789+0000: Error x"


def test_an_escaped_line_stays_one_line():
    assert output.escaped('a\nb"\\\x01é') == 'a\\nb\\"\\\\\\u0001é'


def alert(**options):
    return output.json_object(
        time_ns=TIME,
        priority=bundle.Priority.INFORMATIONAL,
        rule="r",
        source="syscall",
        hostname="host",
        tags=["b", "a"],
        message="m",
        output_fields={"proc.name": "x", "a.b": 1},
        **options,
    )


def test_the_json_object_has_falcos_members_in_order():
    found = alert(options=output.Options(include_message=True), uuid="u")
    members = ["hostname", "message", "output", "output_fields", "priority", "rule", "source", "tags", "time", "uuid"]
    assert list(found) == members
    assert found["priority"] == "Informational"
    assert found["tags"] == ["a", "b"]
    assert found["time"] == "2023-11-14T22:13:20.123456789Z"
    assert found["output_fields"] == {"a.b": 1, "evt.time": TIME, "proc.name": "x"}


def test_members_can_be_switched_off():
    options = output.Options(iso=True, include_output=False, include_tags=False)
    assert set(alert(options=options)) == {"hostname", "output_fields", "priority", "rule", "source", "time"}
    assert alert(options=options)["output_fields"]["evt.time.iso8601"] == TIME
    assert "output_fields" not in alert(options=output.Options(include_output_fields=False))
