"""An offset in a scalar's text leads to the right place in the file, whatever YAML did in between."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from falcon_rules.model import documents, nodes


def scalar_of(text: str) -> nodes.Scalar:
    (root,) = nodes.compose(documents.Document("f.yaml", text))
    assert isinstance(root, nodes.Sequence)
    (mapping,) = root.items
    assert isinstance(mapping, nodes.Mapping)
    scalar = mapping.get("condition")
    assert isinstance(scalar, nodes.Scalar)
    return scalar


CASES = {
    "plain": "- condition: one = two and NEEDLE\n",
    "plain over lines": "- condition: one = two\n    and\n\n    NEEDLE = 3 # comment\n  output: x\n",
    "single quotes": "- condition: 'one = ''two'' and NEEDLE'\n",
    "single quotes over lines": "- condition: 'one = ''two''\n\n    and NEEDLE\n    x'\n",
    "double quotes": '- condition: "one = \\"two\\" \\x41\\u00e4 and NEEDLE"\n',
    "double quotes over lines": '- condition: "one\n     two \\\n     three\n\n\n    NEEDLE"\n',
    "literal": "- condition: |\n    one = two\n      and\n\n    NEEDLE\n  output: x\n",
    "literal that keeps its end": "- condition: |+\n    one\n    NEEDLE\n\n\n  output: x\n",
    "literal with an indentation indicator": "- condition: |2-\n      one\n    NEEDLE\n",
    "folded": "- condition: >\n    one = two\n    and\n\n    three\n    NEEDLE\n",
    "folded with deeper lines": "- condition: >-\n    one\n      deeper\n        still\n    and\n    NEEDLE\n",
    "folded after blank lines": "- condition: >\n\n\n    one\n\n\n    NEEDLE\n",
    "folded with a comment in its header": "- condition: > # why\n    one\n    NEEDLE\n",
    "anchored": "- condition: &a !!str one and NEEDLE\n",
    "flow": "- {rule: x, condition: one and NEEDLE, output: y}\n",
    "characters beyond ASCII": "- condition: >\n    ä€😀 and\n    😀 NEEDLE\n",
}


@pytest.mark.parametrize("text", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("start", ["", "\ufeff", "# comment\n"], ids=["bare", "BOM", "comment"])
def test_finds_the_line_and_column_of_a_word(text, ending, start):
    text = start + text.replace("\n", ending)
    scalar = scalar_of(text)
    place = scalar.place(scalar.text.index("NEEDLE"))
    before = text[: text.index("NEEDLE")]
    assert (place.line, place.column) == (before.count("\n") + 1, len(before) - before.rfind("\n"))


lines = st.text(alphabet=" ab'\"\\:#ä\t-", max_size=12)


@settings(max_examples=300, deadline=None)
@given(st.lists(lines, min_size=1, max_size=5).map("\n".join), st.sampled_from(["|", ">", "'", '"', None]))
def test_every_character_leads_to_itself_in_the_source(text, style):
    source = yaml.dump([{"condition": text}], default_style=style, width=30, allow_unicode=True)
    source = source.replace("!!map ", "")
    scalar = scalar_of(source)
    assert scalar.text == text
    for offset, char in enumerate(text):
        place = scalar.place(offset)
        written = place.line_text[place.column - 1 : place.column]
        if char.isalpha() and char.isascii() and style != '"':
            assert written == char


def test_the_end_of_a_text_is_behind_its_last_character():
    scalar = scalar_of("- condition: abc\n  output: x\n")
    assert scalar.place(3).column == scalar.place(2).column + 1
