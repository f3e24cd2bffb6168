"""What is known of objects, in whichever order the news arrives."""

from __future__ import annotations

import pytest

from falcon_operator.clients import kinds
from falcon_operator.clients.api import Listing
from falcon_operator.handlers.store import Store


def node(name: str, version: int, uid: str = "u1", label: str = "x") -> dict:
    return {"metadata": {"name": name, "uid": uid, "resourceVersion": str(version), "labels": {"l": label}}}


class Told(list):
    """A store of labels, and everything it told."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store(
            kinds.NODE, lambda body: body["metadata"]["labels"]["l"], lambda key, value: self.append((key[1], value))
        )


@pytest.fixture
def told():
    return Told()


def test_only_changes_of_what_is_kept_are_told(told):
    told.store.event("ADDED", node("a", 1))
    told.store.event("MODIFIED", node("a", 2))
    told.store.event("MODIFIED", node("a", 3, label="y"))
    assert told == [("a", "x"), ("a", "y")]


def test_an_older_version_does_not_replace_a_newer_one(told):
    told.store.event("ADDED", node("a", 10, label="new"))
    told.store.event("MODIFIED", node("a", 9, label="old"))
    assert told.store["", "a"] == "new"


def test_versions_are_compared_as_numbers(told):
    told.store.event("ADDED", node("a", 9, label="old"))
    told.store.event("MODIFIED", node("a", 10, label="new"))
    assert told.store["", "a"] == "new"


def test_the_end_of_an_earlier_namesake_does_not_end_the_present_one(told):
    told.store.event("ADDED", node("a", 5, uid="second"))
    told.store.event("DELETED", node("a", 4, uid="first"))
    assert told.store["", "a"] == "x"
    told.store.event("DELETED", node("a", 6, uid="second"))
    assert told.store["", "a"] is None
    assert told == [("a", "x"), ("a", None)]


def test_a_list_takes_away_what_is_not_in_it_but_nothing_newer_than_itself(told):
    told.store.event("ADDED", node("gone", 1))
    told.store.event("ADDED", node("later", 20))
    told.store.replace(Listing([node("here", 2)], version="10"))
    assert dict(told.store.items()) == {("", "later"): "x", ("", "here"): "x"}


def test_what_the_api_server_does_not_know_is_gone(told):
    told.store.event("ADDED", node("a", 1))
    told.store.gone(("", "a"))
    told.store.gone(("", "never there"))
    assert told == [("a", "x"), ("a", None)]


def test_a_list_may_be_given_the_last_word(told):
    """After a restore of etcd versions start from earlier numbers."""
    told.store.event("ADDED", node("a", 900, label="from before"))
    told.store.replace(Listing([node("a", 7, label="restored")], version="8"), everything=True)
    assert told.store["", "a"] == "restored"


def test_differences_are_what_either_side_lacks_or_has_in_another_version(told):
    for name, version in (("same", 1), ("changed", 2), ("deleted", 3)):
        told.store.event("ADDED", node(name, version))
    listing = Listing([node("same", 1), node("changed", 9), node("unseen", 4)], version="9")
    assert told.store.differences(listing) == {("", "changed"): "2", ("", "deleted"): "3", ("", "unseen"): ""}
