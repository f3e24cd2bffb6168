from __future__ import annotations

import pytest

from falcon_rules.patterns import paths


@pytest.mark.parametrize(
    ("patterns", "value", "expected"),
    [
        ([b"/opt"], b"/opt/dir/file", True),
        ([b"/opt/di"], b"/opt/dir/file", False),
        ([b"/etc/ssh"], b"/etc", False),
        ([b"opt//dir/"], b"/opt/dir", True),
        ([b"/"], b"", True),
        ([b"/opt/*/x"], b"/opt/a/x/y", True),
        ([b"/opt/*"], b"/opt", False),
        ([b"/opt/d?r", b"/srv"], b"/srv/www", True),
        ([b"/usr", b"/usr/lib"], b"/usr/share", True),
        # A glob whose rest fails must not spoil the next one on its level.
        ([b"/a*/x", b"/*b/y"], b"/ab/y", True),
        ([b"/ab/x", b"/a*/y"], b"/ab/y", True),
        ([b"/a*/*/z", b"/*/q/y"], b"/ab/q/y", True),
        ([], b"/a", False),
    ],
)
def test_a_path_is_or_lies_below_a_pattern(patterns, value, expected):
    assert paths.compile_paths(tuple(patterns))(value) is expected


def test_many_globs_on_many_levels_are_no_trap():
    pattern = b"/*" * 40
    assert not paths.compile_paths((pattern + b"/x", pattern + b"/y", b"/?" * 40 + b"/z"))(b"/a" * 41)
