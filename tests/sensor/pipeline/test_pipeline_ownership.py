"""Which node an event belongs to, by recorded heads and cgroup paths; and waiting for a pod to become known."""

from __future__ import annotations

import pytest
from tests.sensor.support import heads

from falcon_sensor.pipeline import ownership
from falcon_sensor.records import decode, layout
from falcon_sensor.state import pods, view

UID = "8c2f1e70-0000-4000-8000-00000000000{}"
CONTAINER = "0123456789ab" + "c" * 52
OWN_NET, OTHER_NET, ROOT_NET = 4026531900, 4026531901, 4026531840
SECOND = 1_000_000_000


def record(pod: int | None = None, *, name: bytes = b"/x", net_ns: int = OWN_NET) -> decode.Record:
    """An open in that pod, as node 1's kubelet names cgroups; None: on the host."""
    head = heads.head(pid=7, flags=int(layout.Flag.WANTED), time=1, result=3, start=1, mnt_ns=1, net_ns=net_ns)
    path = b"/system.slice/sshd.service"
    if pod is not None:
        path = f"/k8s-node1/kubepods/besteffort/pod{UID.format(pod)}/{CONTAINER}".encode()
    body = decode.OpenBody(0, 0, 0, 0, 0)
    return decode.Record(decode.encode(layout.Kind.OPEN, head, (), body, {"cgroup_v1": path, "name": name}))


def known(pod: int) -> pods.Pod:
    uid = UID.format(pod).encode()
    return pods.Pod(uid, uid, b"team", b"web")


class Engine:
    def evaluate(self, record):
        return []


OLD, NEW = Engine(), Engine()


@pytest.fixture
def node(tmp_path):
    """`node(shared)` gives (owner, pods): of a node with a kernel of its own, or of one that shares it."""

    def make(shared: bool, *, synced: bool = True):
        mine = pods.Pods()
        if synced:
            mine.replace([known(1)])
        (tmp_path / "proc").mkdir(exist_ok=True)
        state = view.State(proc=str(tmp_path / "proc"), host_root=str(tmp_path), node_pods=mine)
        return ownership.Owner(state, mine, OWN_NET if shared else None), mine

    return make


@pytest.mark.parametrize("shared", [False, True])
def test_events_of_a_pod_that_is_known_count_at_once(node, shared):
    owner, _ = node(shared)
    assert owner.admit(OLD, record(1), 0)
    assert (list(owner.due(0)), owner.next_time(), owner.held) == ([], None, 0)


def test_on_a_kernel_of_its_own_all_host_processes_are_the_nodes(node):
    owner, _ = node(False)
    assert [owner.admit(OLD, record(net_ns=net), 0) for net in (OWN_NET, OTHER_NET, ROOT_NET)] == [True] * 3
    assert owner.foreign == 0


def test_on_a_shared_kernel_host_processes_belong_to_the_node_whose_network_they_use(node):
    owner, _ = node(True)
    assert [owner.admit(OLD, record(net_ns=net), 0) for net in (OWN_NET, OTHER_NET, ROOT_NET)] == [True, False, False]
    assert owner.foreign == 2


def test_a_pod_on_the_hosts_network_belongs_to_its_own_node_all_the_same(node):
    owner, _ = node(True)
    assert owner.admit(OLD, record(1, net_ns=OTHER_NET), 0)


@pytest.mark.parametrize("shared", [False, True])
def test_events_wait_until_the_watch_has_delivered_their_pod_and_keep_their_order(node, shared):
    owner, mine = node(shared)
    first, second, third = (record(2, name=name) for name in (b"/1", b"/2", b"/3"))
    assert not owner.admit(OLD, first, 0)
    assert not owner.admit(OLD, second, SECOND // 2)
    assert list(owner.due(SECOND)) == []
    mine.put(known(2))
    # Known by now, but those before it have not been evaluated yet.
    assert not owner.admit(NEW, third, SECOND)
    assert list(owner.due(SECOND)) == [(OLD, first), (OLD, second), (NEW, third)]
    assert owner.admit(NEW, record(2), SECOND)
    assert (owner.held, owner.foreign, owner.unknown, owner.next_time()) == (3, 0, 0, None)


def test_other_pods_do_not_wait_with_them(node):
    owner, _ = node(True)
    assert not owner.admit(OLD, record(2), 0)
    assert owner.admit(OLD, record(1), 0)


def test_a_pod_that_never_becomes_known_is_reported_on_a_kernel_of_its_own(node):
    owner, _ = node(False)
    waiting = record(2)
    assert not owner.admit(OLD, waiting, 100)
    assert owner.next_time() == 100 + ownership.HOLD_NS
    assert list(owner.due(99 + ownership.HOLD_NS)) == []
    assert list(owner.due(100 + ownership.HOLD_NS)) == [(OLD, waiting)]
    # Waited for once is enough.
    assert owner.admit(OLD, record(2), 5 * SECOND)
    assert (owner.unknown, owner.foreign) == (2, 0)


def test_a_pod_that_never_becomes_known_is_another_nodes_on_a_shared_kernel(node):
    owner, _ = node(True)
    assert not owner.admit(OLD, record(2), 0)
    assert list(owner.due(ownership.HOLD_NS)) == []
    assert not owner.admit(OLD, record(2), 5 * SECOND)
    assert (owner.foreign, owner.held, owner.next_time()) == (2, 1, None)


def test_a_pod_that_is_late_is_not_given_up_for_ever(node):
    owner, mine = node(True)
    assert not owner.admit(OLD, record(2), 0)
    assert list(owner.due(ownership.HOLD_NS)) == []
    mine.put(known(2))
    assert owner.admit(OLD, record(2), 5 * SECOND)


def test_before_the_first_list_a_shared_kernels_events_wait_longer(node):
    owner, mine = node(True, synced=False)
    waiting = record(1)
    assert not owner.admit(OLD, waiting, 0)
    assert list(owner.due(10 * ownership.HOLD_NS)) == []
    mine.replace([known(1)])
    assert list(owner.due(10 * ownership.HOLD_NS)) == [(OLD, waiting)]


def test_a_pod_that_has_just_gone_still_counts(node):
    owner, mine = node(True)
    mine.remove(UID.format(1).encode())
    assert len(mine) == 0
    assert owner.admit(OLD, record(1), 0)


@pytest.mark.parametrize(("shared", "reported"), [(False, True), (True, False)])
def test_what_waits_is_bounded_and_the_longest_waiting_pod_is_decided_first(node, shared, reported):
    owner, _ = node(shared)
    early = record(2)
    large = record(3, name=b"n" * layout.PATH_CAP)
    assert not owner.admit(OLD, early, 0)
    while not owner.full:
        assert not owner.admit(OLD, large, 1)
    assert [held.record for held in owner.due(2)] == ([early] if reported else []) + (
        [large] * (owner.held - 1) if reported else []
    )
    assert not owner.full


def test_at_the_end_nothing_is_left_waiting(node):
    for shared, count in ((False, 2), (True, 0)):
        owner, _ = node(shared)
        owner.admit(OLD, record(2), 0)
        owner.admit(OLD, record(3), 0)
        assert len(list(owner.last())) == count
        assert owner.next_time() is None
