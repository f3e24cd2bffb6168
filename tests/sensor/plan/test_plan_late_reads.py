"""What costs a read is read only where nothing free has settled the question, and once."""

from __future__ import annotations

from falcon_sensor.kernel.plan import atoms, clauses, creads, ctext, expression

RESULT = expression.Leaf(atoms.Number("result", ((-1, -1),)), True)
FLAGS = expression.Leaf(atoms.Bits("open_flags", 3, frozenset((1,))), True)
UID = expression.Leaf(atoms.Number("uid", ((0, 0),)), True)
GID = expression.Leaf(atoms.Number("gid", ((0, 0),)), True)
CONTAINER = expression.Leaf(atoms.Number("container", ((1, 1),)), True)


def branch(*tests, children=()):
    return clauses.Branch(frozenset(tests), frozenset(("rule",)), tuple(children))


def text(*branches):
    return "\n".join(creads.Writer(ctext.Printer(None, None), 1, ", ".join).tests(branches))


def test_free_ways_come_before_any_read():
    written = text(branch(FLAGS, children=[branch(UID), branch(RESULT)]), branch(CONTAINER))
    assert written.index("f->result") < written.index("falcon_uid(")
    assert written.index("f->result") < written.index("falcon_container(")


def test_a_read_of_one_branch_stands_behind_its_free_tests():
    written = text(branch(FLAGS, UID))
    assert written.index("if ((f->open_flags") < written.index("falcon_uid(") < written.index("s->uid == 0")


def test_what_several_branches_need_is_read_once_before_them():
    written = text(branch(FLAGS, UID), branch(RESULT, UID), branch(GID))
    assert written.count("falcon_uid(") == 1
    assert written.index("falcon_uid(") < min(written.index("f->open_flags"), written.index("f->result"))
    assert written.count("falcon_gid(") == 1


def test_what_is_known_above_is_not_read_again_below():
    written = text(branch(UID, children=[branch(CONTAINER), branch(GID, UID)]))
    assert written.count("falcon_uid(") == 1
