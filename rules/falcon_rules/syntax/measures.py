"""How deep a tree is, found without recursion."""

from __future__ import annotations

from falcon_rules import tree

MAX_DEPTH = 200
"""Checkers, printers and code generators recurse, with up to three Python frames per level; Python
allows a thousand. Conditions written by people stay below ten."""

TOO_DEEP = f"the condition nests more than {MAX_DEPTH} levels deep"


def depth(node: tree.Node) -> int:
    """Levels of and, or and not above the deepest check."""
    deepest = 0
    level: list[tree.Node] = [node]
    while level:
        below: dict[int, tree.Node] = {}
        for each in level:
            if isinstance(each, (tree.And, tree.Or)):
                below.update((id(child), child) for child in each.children)
            elif isinstance(each, tree.Not):
                below[id(each.child)] = each.child
        level = list(below.values())
        deepest += bool(level)
    return deepest
