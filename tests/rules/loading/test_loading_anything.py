"""Whatever is in a file: what comes of it is rules and diagnostics, never an exception."""

from __future__ import annotations

from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from falcon_rules.compiler import compiled
from falcon_rules.lint import linting
from falcon_rules.loading import compilation, conversion
from falcon_rules.model import documents
from falcon_rules.testing import files

DEFAULT = Path(__file__).parents[3] / "rules" / "default"
REAL = (DEFAULT / "10-shells.yaml").read_text()

_KEYS = (
    "rule macro list condition output desc priority source enabled tags exceptions items name fields comps values "
    "append override required_engine_version required_plugin_versions version warn_evttypes skip-if-unknown-filter "
    "test event match"
)
_WORDS = (
    "a b shells proc.name fd.name evt.type execve open = in startswith and or not ( ) , exists contains pmatch "
    "append replace WARNING info true false 0.50.0 99.0.0 %proc.name %evt.time syscall k8s_audit /etc/ '\"' [ ] * "
    "tolower( val( glob regex (a|b)+ proc.aname[2] proc.aname[x] evt.arg.flags evt.arg[1]"
)
KEYS, WORDS = (st.sampled_from(words.split()) for words in (_KEYS, _WORDS))
texts = st.one_of(st.lists(WORDS, max_size=8).map(" ".join), st.text(max_size=12), WORDS)
scalars = texts | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=True)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=8
)
items = st.dictionaries(KEYS, values, max_size=8)
complete = st.builds(
    lambda name, condition, output, more: {
        "rule": name,
        "desc": "d",
        "condition": condition,
        "output": output,
        "priority": "INFO",
        **more,
    },
    st.sampled_from("ab"),
    texts,
    texts,
    st.dictionaries(KEYS, values, max_size=2),
)
written = st.lists(items | complete, max_size=6).map(lambda found: yaml.safe_dump(found, allow_unicode=True))


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A real rule file with some stretches taken out, doubled, moved or replaced."""
    text = REAL
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 60)))
        at = draw(st.integers(0, len(text)))
        piece = draw(
            st.sampled_from(["", text[start:end] * 2, "\t", "\x00", "- ", ": ", '"', "&a ", "*a", "\n\n", "\ud8ff"])
        )
        text = text[:start] + piece + text[end:]
        if draw(st.booleans()):
            text = text[:at] + text[start:end] + text[at:]
    return text


def compile_anything(text: str) -> compiled.Result:
    document = documents.Document("f.yaml", text)
    result = compilation.compile([document])
    for each in (*result.diagnostics, *linting.lint(result)):
        assert each.render()
        assert each.to_json()["message"]
    if not result.errors:
        conversion.convert(document, "f")
    list(files.read(document, []))
    return result


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=200) | written)
def test_random_documents_give_diagnostics(text):
    compile_anything(text)


@settings(max_examples=60, deadline=None)
@given(damaged())
def test_damaged_rule_files_give_diagnostics(text):
    compile_anything(text)


@settings(max_examples=40, deadline=None)
@given(written)
def test_a_good_rule_behind_a_random_document_is_still_compiled(text):
    """As long as the file before it is no reason to stop, and does not change the rule itself."""
    good = "- rule: good one\n  desc: d\n  condition: evt.type = open\n  output: o\n  priority: INFO\n"
    result = compilation.compile([documents.Document("f.yaml", text), documents.Document("good.yaml", good)])
    assert "good one" in [rule.definition.name for rule in result.rules]
