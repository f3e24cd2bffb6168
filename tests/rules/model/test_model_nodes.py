"""Scalars stay the text that was written, and no file can exhaust time or memory."""

from __future__ import annotations

import pytest

from falcon_rules.model import documents, nodes, reading


def compose(text):
    return nodes.compose(documents.Document("f.yaml", text))


def plain(text):
    return [None if root is None else reading.plain(root) for root in compose(text)]


def test_scalars_are_texts_whatever_they_look_like():
    text = "[yes, 012, 1_000, 2020-01-01, 1e3, =, <<, 'null', \"\"]"
    assert plain(text) == [["yes", "012", "1_000", "2020-01-01", "1e3", "=", "<<", "null", ""]]


def test_null_is_what_is_empty_or_a_plain_null_word():
    assert plain("[~, null, NULL, 'x']") == [[None, None, None, "x"]]
    assert plain("a:\nb: ''") == [{"a": None, "b": ""}]


def test_several_documents_and_empty_ones():
    assert plain("---\n- a\n---\n---\n- b\n") == [["a"], None, ["b"]]


def test_aliases_stand_for_what_was_anchored():
    assert plain("- &a [x]\n- *a\n") == [[["x"], ["x"]]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- rule: [a\n  desc: x\n", "not YAML"),
        ("- *nowhere\n", "unknown alias"),
        ("- &a [*a]\n", "unknown alias"),
        ("[" * 100, "nest more than"),
        ("- " * 100 + "x", "nest more than"),
        ("a: \x01\n", "not YAML"),
        ("a: \udcff\n", "not UTF-8"),
    ],
)
def test_refuses_with_a_reason_and_a_place(text, message):
    with pytest.raises(nodes.YamlError, match=message) as caught:
        compose(text)
    assert 0 <= caught.value.offset <= len(text)


def test_refuses_aliases_that_multiply_without_expanding_them():
    levels = [f"- &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(nodes.YamlError, match="multiply"):
        compose("- &l0 [x]\n" + "\n".join(levels))
