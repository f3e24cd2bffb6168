"""Templates and added fields."""

from __future__ import annotations

import html
from typing import Any

import pytest
from tests.hub.sinks import support

from falcon_hub.routing import links, rendering
from falcon_hub.sinks import base, dialects


def _renderer(escape: Any = str, link: str | None = None, **given: Any) -> rendering.Renderer:
    return rendering.Renderer(support.wanted("webhook", url="http://x/", **given), escape, link)


def test_as_it_comes() -> None:
    message = _renderer().one(support.alert())
    assert message.title == "Warning: Terminal shell in container"
    assert message.text == "A shell was spawned number=00000"
    assert message.key == support.alert().uuid


def test_a_template() -> None:
    where = "{% if namespace %} in {{ namespace }}{% endif %}"
    text = '*{{ rule }}* by {{ fields["user.name"] }}' + where + ' [{{ tags | join("/") }}]'
    message = _renderer(text=text, title="{{ priority | upper }}").one(support.alert())
    assert message.text == "*Terminal shell in container* by www-data in payments [container/shell]"
    assert message.title == "WARNING"


@pytest.mark.parametrize(
    "expression",
    [
        "{{ output }}",
        "{{ output | upper | lower }}",
        "{{ '<' ~ output }}",
        "{% set x = output %}{{ x }}",
        "{{ [output] }}",
    ],
)
def test_every_value_is_escaped_and_what_stands_around_is_not(expression: str) -> None:
    message = _renderer(html.escape, text=f"<b>{expression}</b>").one(support.alert(output="<script>"))
    assert message.text.startswith("<b>")
    assert message.text.endswith("</b>")
    assert "<script>" not in message.text.lower()


def test_a_field_that_is_not_there_is_nothing() -> None:
    assert _renderer(text='[{{ fields["nothing"] }}]').one(support.alert()).text == "[]"


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ fields.__init__.__globals__ }}",
        "{{ 1 / 0 }}",
        "{{ rule.nope.nope }}",
        "{{ fields.clear() }}",
    ],
)
def test_a_template_that_fails_does_not_keep_the_alert_back(text: str) -> None:
    message = _renderer(text=text).one(support.alert())
    assert "subclasses" not in message.text
    assert message.text in (
        "",
        *(
            f"Warning: Terminal shell in container (template failed: {name})"
            for name in ("SecurityError", "ZeroDivisionError", "UndefinedError")
        ),
    )


@pytest.mark.parametrize("option", ["title", "text"])
def test_a_template_that_is_none_is_told_at_the_start(option: str) -> None:
    with pytest.raises(base.Unusable, match=f"{option}: line 2: "):
        _renderer(**{option: "first\n{{ rule"})


def test_added_fields() -> None:
    fields = _renderer(custom_fields={"env": "prod"}, templated_fields={"pod_of": "{{ namespace }}/{{ pod }}"})
    assert fields.one(support.alert()).alert.fields["pod_of"] == "payments/api-7d9f"
    assert fields.one(support.alert()).alert.fields["env"] == "prod"


def test_links() -> None:
    link = links.template("https://hub.example/")
    message = _renderer(link=link).one(support.alert())
    assert message.link == f"https://hub.example/?from=&alert={support.alert().uuid}"
    assert links.template("") is None


def test_a_digest_is_bounded_however_many_rules_there_are() -> None:
    found = [support.alert(number, rule=f"rule {number % 500}") for number in range(2000)]
    message = _renderer().digest(found)
    assert len(message.tallies) == 21
    assert message.tallies[-1].rule == "480 other rules"
    assert sum(each.count for each in message.tallies) == 2000


@pytest.mark.parametrize(
    ("text", "most", "cut"),
    [
        ("short", 10, "short"),
        ("0123456789", 10, "0123456789"),
        ("0123456789a", 10, "012345678…"),
        ("1234567&amp;", 10, "1234567…"),
        ("1234567\\*\\*\\*", 9, "1234567…"),
        ("1234567\\\\\\\\", 10, "1234567\\\\…"),
    ],
)
def test_cut_leaves_no_half_of_an_escape(text: str, most: int, cut: str) -> None:
    assert dialects.cut(text, most) == cut
