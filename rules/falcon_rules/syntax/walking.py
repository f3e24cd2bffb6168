"""Questions about trees, answered from left to right and without recursion."""

from __future__ import annotations

from collections.abc import Iterator

from falcon_rules import tree


def leaves(node: tree.Node) -> Iterator[tree.Check | tree.MacroRef]:
    """The checks and macro names of a tree."""
    stack: list[tree.Node] = [node]
    while stack:
        each = stack.pop()
        if isinstance(each, tree.Not):
            stack.append(each.child)
        elif isinstance(each, (tree.And, tree.Or)):
            stack += reversed(each.children)
        else:
            yield each


def checks(node: tree.Node) -> Iterator[tree.Check]:
    return (leaf for leaf in leaves(node) if isinstance(leaf, tree.Check))


def macros(node: tree.Node) -> Iterator[tree.MacroRef]:
    return (leaf for leaf in leaves(node) if isinstance(leaf, tree.MacroRef))


def fields(operand: tree.Operand | None) -> Iterator[tree.Field]:
    """The fields in one side of a check."""
    stack = [operand]
    while stack:
        each = stack.pop()
        if isinstance(each, tree.Field):
            yield each
        elif isinstance(each, tree.Call):
            stack += reversed(each.arguments)
        elif isinstance(each, tree.CallList):
            stack += reversed(each.items)
