"""Host names of rules are resolved beside the events, and failures do not switch a rule off."""

from __future__ import annotations

from falcon_sensor.state import hosts

A, B = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])


class World:
    """A clock and a name server to be set."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.known: dict[str, set[bytes]] = {}
        self.asked: list[str] = []

    def lookup(self, name: str) -> set[bytes]:
        self.asked.append(name)
        if name not in self.known:
            raise OSError("no such host")
        return self.known[name]


def watched(world: World, *names: bytes) -> hosts.Hosts:
    found = hosts.Hosts(world.lookup, lambda: world.time)
    found._thread = object()  # type: ignore[assignment]  # the test turns the handle itself
    found.watch(names)
    return found


def test_addresses_are_known_after_the_first_look():
    world = World()
    world.known["api.example"] = {A}
    found = watched(world, b"api.example", b"other.example")
    assert found.addresses(b"api.example") == set()
    found.refresh()
    assert found.addresses(b"api.example") == {A}
    assert found.addresses(b"other.example") == set()
    assert found.name_of(A) == b"api.example"
    assert found.name_of(B) is None


def test_each_answer_is_kept_for_a_while():
    world = World()
    world.known["x"] = {A}
    found = watched(world, b"x")
    assert found.refresh() == hosts.TTL
    world.known["x"] = {B}
    found.refresh()
    assert found.addresses(b"x") == {A}
    world.time += hosts.TTL
    found.refresh()
    assert found.addresses(b"x") == {B}


def test_a_failing_name_server_is_asked_sooner_and_believed_no_longer_than_an_hour():
    world = World()
    world.known["x"] = {A}
    found = watched(world, b"x")
    found.refresh()
    del world.known["x"]
    world.time += hosts.TTL
    assert found.refresh() == hosts.RETRY
    assert found.addresses(b"x") == {A}
    world.time += hosts.STALE_MOST
    found.refresh()
    assert found.addresses(b"x") == set()


def test_only_so_many_names_are_looked_up():
    world = World()
    found = watched(world, *(b"host%d" % number for number in range(hosts.NAMES_MOST + 23)))
    found.refresh()
    assert len(world.asked) == hosts.NAMES_MOST


def test_what_is_no_host_name_is_not_fatal():
    world = World()
    found = watched(world, b"\xff\xfe", b"x")
    world.known["x"] = {A}
    found.refresh()
    assert found.addresses(b"x") == {A}


def test_the_machines_own_names_resolve():
    assert bytes([127, 0, 0, 1]) in hosts.look_up("localhost") or bytes(15) + b"\1" in hosts.look_up("localhost")
