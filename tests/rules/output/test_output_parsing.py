from __future__ import annotations

import pytest

from falcon_rules import bundle, operands
from falcon_rules.output import parsing


def pieces(text):
    return [
        piece if isinstance(piece, str) else (piece.text, piece.operand.name, piece.operand.argument, piece.width)
        for piece in parsing.parse(text).pieces
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", ["plain"]),
        ("", []),
        ("*a %proc.name", ["a ", ("proc.name", "proc.name", None, None)]),
        ("%proc.name.txt", [("proc.name", "proc.name", None, None), ".txt"]),
        ("%proc.namexyz", [("proc.name", "proc.name", None, None), "xyz"]),
        ("%proc.name.", [("proc.name", "proc.name", None, None), "."]),
        ("%proc.name[1]", [("proc.name", "proc.name", None, None), "[1]"]),
        ("%proc.aname[2]!", [("proc.aname[2]", "proc.aname", "2", None), "!"]),
        ("%proc.aname[x]", [("proc.aname", "proc.aname", None, None), "[x]"]),
        ('%proc.env["A B"]', [('proc.env["A B"]', "proc.env", "A B", None)]),
        (
            "%evt.arg.flags,%evt.arg[0]",
            [("evt.arg.flags", "evt.arg", "flags", None), ",", ("evt.arg[0]", "evt.arg", "0", None)],
        ),
        ("%evt.arg.flagsx", [("evt.arg.flags", "evt.arg", "flags", None), "x"]),
        ("%proc.exe_ino.ctime", [("proc.exe_ino.ctime", "proc.exe_ino.ctime", None, None)]),
        ("%8proc.name|", [("proc.name", "proc.name", None, 8), "|"]),
        (
            "%k8s.pod.label[app.kubernetes.io/name]",
            [("k8s.pod.label[app.kubernetes.io/name]", "k8s.pod.label", "app.kubernetes.io/name", None)],
        ),
        ("%tolower(proc.name)-", [("tolower(proc.name)", "tolower", None, None), "-"]),
        ("%tolower(proc.name)[x]", [("tolower(proc.name)", "tolower", None, None), "[x]"]),
        ('%concat(proc.name, ")", "%")', [('concat(proc.name, ")", "%")', "concat", None, None)]),
        ("a\nb", ["a\nb"]),
    ],
)
def test_texts_are_cut_at_the_longest_field(text, expected):
    assert pieces(text) == expected


@pytest.mark.parametrize(
    ("text", "offset", "code"),
    [
        ("100%", 3, operands.Code.BAD_OUTPUT),
        ("%5", 0, operands.Code.BAD_OUTPUT),
        ("%%", 0, operands.Code.UNKNOWN_FIELD),
        ("% proc.name", 0, operands.Code.UNKNOWN_FIELD),
        ("a %proc", 2, operands.Code.UNKNOWN_FIELD),
        ("a %nosuch.field", 3, operands.Code.UNKNOWN_FIELD),
        ("%evt.arg", 1, operands.Code.UNKNOWN_FIELD),
        ("%container.label[", 1, operands.Code.UNKNOWN_FIELD),
        ("%tolower(proc.name", 1, operands.Code.BAD_OUTPUT),
        ("x %tolower(proc.pid)", 3, operands.Code.BAD_TRANSFORMER),
        ("x %tolower(proc.nmae)", 11, operands.Code.UNKNOWN_FIELD),
        ("%nosuch(proc.name)", 7, operands.Code.BAD_OUTPUT),
        ("%99999999999proc.name", 1, operands.Code.BAD_OUTPUT),
    ],
)
def test_what_cannot_be_printed_is_refused_with_its_place(text, offset, code):
    with pytest.raises(parsing.OutputError) as caught:
        parsing.parse(text)
    assert caught.value.offset == offset
    assert caught.value.code == code


def test_a_misspelt_field_gets_a_suggestion():
    with pytest.raises(parsing.OutputError) as caught:
        parsing.parse("%proc.nmae ran")
    assert caught.value.suggestion == "proc.name"


def test_an_output_is_data_of_a_bundle():
    assert isinstance(parsing.parse("%proc.name"), bundle.Output)
