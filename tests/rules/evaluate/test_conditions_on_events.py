"""What conditions mean, as text on events: the corners of sections on comparison and special fields."""

from __future__ import annotations

import pytest

from falcon_rules import evaluate
from falcon_rules.compiler import types
from falcon_rules.evaluate import mapping
from falcon_rules.fields import table
from falcon_rules.syntax import parser

EXTRA = {
    "test.list": table.Field("test.list", table.Type.CHARBUF, many=True),
    "test.other": table.Field("test.other", table.Type.CHARBUF, many=True),
}
CONNECTION = {"fd.cip": "10.0.0.1", "fd.sip": "192.168.0.1", "fd.cport": 40000, "fd.sport": 443}
FAMILY = {"proc.aname[0]": "cat", "proc.aname[1]": "bash", "proc.aname[2]": "sshd"}


def holds(condition, event):
    return evaluate.compile_condition(types.check(parser.parse(condition), extra=EXTRA), mapping.resolver)(event)


@pytest.mark.parametrize(
    ("condition", "event", "expected"),
    [
        # Either end: `!=` needs both ends to differ.
        ("fd.ip != 10.0.0.1", CONNECTION, False),
        ("fd.ip != 192.168.0.1", CONNECTION, False),
        ("fd.ip != 10.0.0.2", CONNECTION, True),
        ("fd.ip != 10.0.0.2", {}, False),
        ("fd.net != 10.0.0.0/8", CONNECTION, False),
        ("fd.net in (172.16.0.0/12, 192.168.0.0/16)", CONNECTION, True),
        ("fd.port > 30000", CONNECTION, True),
        ("fd.port < 30000", CONNECTION, True),
        ("fd.port in (22, https)", CONNECTION, True),
        ("fd.port = allof (443, 40000)", CONNECTION, True),
        ("fd.port = oneof (443, 40000)", CONNECTION, False),
        ("fd.proto = https", CONNECTION, True),
        ("fd.port exists", {}, False),
        # Ancestors: some ancestor, for every operator; the process itself is none.
        ("proc.aname != bash", FAMILY, True),
        ("proc.aname = cat", FAMILY, False),
        ("proc.aname = allof (bash, sshd)", FAMILY, False),
        ("proc.aname = oneof (bash, sshd)", FAMILY, True),
        ("proc.aname startswith ss", FAMILY, True),
        ("proc.aname exists", {"proc.aname[0]": "cat"}, False),
        ("proc.aname != x", {}, False),
        # Lists.
        ("test.list in (a, b)", {"test.list": []}, True),
        ("test.list in ()", {"test.list": []}, True),
        ("test.list in ()", {"test.list": ["a"]}, False),
        ("test.list intersects (a)", {"test.list": []}, False),
        ("test.list in val(test.other)", {"test.list": ["a"], "test.other": ["a", "b"]}, True),
        ("test.list in val(test.other)", {"test.list": ["a"]}, False),
        ("test.list intersects toupper(test.other)", {"test.list": ["A"], "test.other": ["a"]}, True),
        # Two operands: each must be available.
        ("proc.name = val(proc.pname)", {}, False),
        ("proc.name != val(proc.pname)", {"proc.name": "a"}, False),
        ("not proc.name = val(proc.pname) and proc.pname = b", {"proc.pname": "b"}, True),
        ("proc.name glob val(proc.pname)", {"proc.name": "abc", "proc.pname": "a*"}, True),
        ("proc.name iglob val(proc.pname)", {"proc.name": "ABC", "proc.pname": "a*"}, True),
        ("proc.name in val(proc.pname)", {"proc.name": "a", "proc.pname": "a"}, True),
        # Bytes and text.
        ("proc.name contains é", {"proc.name": {"hex": "61c3a9"}}, True),
        ('proc.name = "\\xff"', {"proc.name": {"hex": "ff"}}, True),
        ('proc.name regex "a.b"', {"proc.name": {"hex": "61ff62"}}, True),
        ('proc.name regex "a..b"', {"proc.name": {"hex": "61ff62"}}, False),
        ("evt.buffer bstartswith 0A", {"evt.buffer": {"hex": "0a00"}}, True),
        ("evt.buffer contains oneof (a, b)", {"evt.buffer": "ab"}, False),
        # Constants.
        ("evt.num = 0", {}, False),
        ("evt.num >= 0", {}, True),
        ("proc.name startswith ''", {"proc.name": ""}, True),
        ("proc.name startswith ''", {}, False),
        ("proc.name != allof ()", {"proc.name": "a"}, False),
        ("not proc.name in ()", {"proc.name": "a"}, True),
        # Times.
        ("evt.around[5000000] = 3", {"evt.rawtime": 8000000}, True),
        ("evt.around[5000000] = 3", {"evt.rawtime": 8000001}, False),
        ("evt.rawtime.ns = 1", {"evt.rawtime": 2000000001}, True),
        ("evt.type.is.open = 1", {"evt.type": "open"}, True),
        # Other.
        ("user.uid = -1", {"user.uid": 4294967295}, True),
        ("fd.snet = ::/0", {"fd.sip": "10.0.0.1"}, False),
        ("fd.name pmatch (/var/*/log, /var/lib)", {"fd.name": "/var/x/log/y"}, True),
        ("fd.name pmatch (/*/a, /*/b)", {"fd.name": "/x/b"}, True),
        ("fd.name pmatch (/x*/a, /*y/b)", {"fd.name": "/xy/b"}, True),
        ("fd.name pmatch (/)", {"fd.name": ""}, True),
    ],
)
def test_a_condition_holds_or_not(condition, event, expected):
    assert holds(condition, event) is expected


@pytest.mark.parametrize(
    ("condition", "event", "expected"),
    [
        ('concat(proc.name, "-", 5) = a-5', {"proc.name": "a"}, True),
        ('join(",", test.list) = "a,b"', {"test.list": ["a", "b"]}, True),
        ('join(",", (proc.name, proc.pid)) exists', {"proc.name": "a"}, False),
        ('len(getopt(test.list, "ab:")) = 3', {"test.list": ["-ab", "v", "w"]}, True),
        ("b64(proc.args) = a", {"proc.args": "YQ"}, True),
        ("b64(proc.args) = a", {"proc.args": "YQ=="}, True),
        ("b64(proc.args) exists", {"proc.args": "Y"}, False),
        ("tolower(test.list) in (a)", {"test.list": ["A", "a"]}, True),
        ("basename(fd.name) = ''", {"fd.name": "/a/"}, True),
        ("tolower(proc.name) = ä", {"proc.name": "Ä"}, False),
        ('getopt(test.list, "ab:")[b] = x', {"test.list": ["-b", "y", "-bx", "z"]}, True),
        ('getopt(test.list, "ab:")[b] = ""', {"test.list": ["-b"]}, True),
        ('getopt(test.list, "ab:")[a] = a', {"test.list": ["-a"]}, True),
        ('getopt(test.list, "ab:") in ("?", a)', {"test.list": ["-za"]}, True),
        ('getopt(test.list, "ab:")[a] exists', {"test.list": ["x", "-a"]}, False),
        ('getopt(test.list, "ab:")[a] exists', {"test.list": ["-", "-a"]}, False),
        ('getopt(test.list, "ab:")[a] exists', {"test.list": ["--", "-a"]}, False),
        ('getopt(test.list, "ab:")[a] exists', {"test.list": ["--all", "-a"]}, True),
    ],
)
def test_transformers(condition, event, expected):
    assert holds(condition, event) is expected


def test_a_value_of_the_wrong_kind_is_an_error_that_names_the_field():
    with pytest.raises(mapping.BadValue, match=r"proc\.pid"):
        holds("proc.pid = 1", {"proc.pid": "one"})
