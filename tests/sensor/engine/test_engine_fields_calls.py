"""Fields of calls about names, descriptors and numbers."""

from __future__ import annotations

import errno

import pytest

from falcon_rules.fields import events
from falcon_sensor.records import calls, decode, layout

CONNECTED, SERVER, ADDRESSED = layout.Flag.FD_CONNECTED, layout.Flag.FD_SERVER, layout.Flag.FD_ADDRESSED
HERE, THERE = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 9])
SOCKET = 0o140777


@pytest.fixture
def call(build):
    def make(event_type: str, **members) -> decode.Record:
        return decode.Record(build.raw(event_type, **members))

    return make


def test_names_are_made_absolute(call, read):
    record = call("linkat", argument_0=-100, argument_2=5, argument_4=0x400)
    assert read(record, "evt.arg.olddir", "evt.arg.flags") == (b"AT_FDCWD", b"AT_SYMLINK_FOLLOW")
    record = call("rename", name=b"../a", second=b"/x//y", base=b"/home/me", second_base=b"")
    assert read(record, "evt.arg.oldpath", "evt.arg.newpath") == (b"/home/a", b"/x/y")
    assert read(record, "evt.rawarg.oldpath") == b"../a"
    assert read(record, "fs.path.source", "fs.path.target", "fs.path.sourceraw") == (b"/home/a", b"/x/y", b"../a")
    assert read(record, "fs.path.name", "fd.name", "fd.num") == (None, None, None)


def test_a_symbolic_links_target_is_text(call, read):
    record = call("symlink", name=b"../etc//shadow", second=b"made", second_base=b"/tmp")
    assert read(record, "evt.arg.target", "evt.arg.linkpath") == (b"../etc//shadow", b"/tmp/made")
    assert read(record, "fs.path.source", "fs.path.target") == (b"/tmp/made", b"../etc//shadow")


def test_paths_of_failed_calls(call, read):
    record = call("unlinkat", result=-errno.ENOENT, name=b"a", base=b"/tmp", argument_2=0x200)
    assert read(record, "evt.arg.name", "evt.arg.flags", "evt.arg.res") == (b"/tmp/a", b"AT_REMOVEDIR", b"ENOENT")
    assert read(record, "fs.path.name", "evt.abspath") == (None, b"/tmp/a")


def test_abspath_of_two_names(call, read):
    record = call("renameat2", name=b"a", base=b"/one", second=b"b", second_base=b"/two")
    assert read(record, "evt.abspath.src", "evt.abspath.dst", "evt.abspath") == (b"/one/a", b"/two/b", None)


@pytest.mark.parametrize(
    ("event_type", "register", "value", "argument", "text"),
    [
        ("ptrace", 0, 16, "request", b"PTRACE_ATTACH"),
        ("ptrace", 0, 0, "request", b"PTRACE_TRACEME"),
        ("ptrace", 0, 999999, "request", b"999999"),
        ("socket", 0, 17, "domain", b"AF_PACKET"),
        ("bpf", 0, 5, "cmd", b"BPF_PROG_LOAD"),
        ("unshare", 0, 0x10020000, "flags", b"CLONE_NEWNS|CLONE_NEWUSER"),
        ("unshare", 0, 0, "flags", b"0"),
        ("chmod", 1, 0o4100, "mode", b"S_IXUSR|S_ISUID"),
        ("kill", 1, 9, "sig", b"SIGKILL"),
        ("prctl", 0, 15, "option", b"PR_SET_NAME"),
        ("dup3", 0, 7, "oldfd", b"7"),
    ],
)
def test_constants_by_name(call, read, event_type: str, register: int, value: int, argument: str, text: bytes):
    record = call(event_type, **{f"argument_{register}": value})
    assert read(record, f"evt.arg.{argument}") == text
    assert read(record, f"evt.rawarg.{argument}") == value


def test_ids_are_names(call, read):
    record = call("setuid", argument_0=0)
    assert read(record, "evt.rawarg.uid") == 0
    assert isinstance(read(record, "evt.arg.uid"), bytes)


def test_processes_are_commands(call, read):
    assert read(call("kill", argument_0=4242), "evt.arg.pid") == b"cat"
    assert read(call("kill", argument_0=4000), "evt.arg.pid") == b"bash"
    assert read(call("kill", argument_0=-1), "evt.arg.pid") == b"-1"


def test_a_clients_socket(call, read):
    record = call("sendto", flags=CONNECTED, source=HERE, destination=THERE, file_mode=SOCKET)
    assert read(record, "fd.name", "fd.type", "fd.l4proto") == (b"10.0.0.1:40000->10.0.0.9:443", b"ipv4", b"tcp")
    assert read(record, "fd.cip", "fd.sip", "fd.lip", "fd.rip") == (HERE, THERE, HERE, THERE)
    assert read(record, "fd.is_server", "fd.connected", "fd.name_changed") == (False, True, False)
    assert read(record, "evt.arg.fd", "evt.arg.tuple") == (
        b"<4t>10.0.0.1:40000->10.0.0.9:443",
        b"10.0.0.1:40000->10.0.0.9:443",
    )


def test_a_servers_socket(call, read):
    record = call("accept4", result=5, flags=CONNECTED | SERVER, source=THERE, destination=HERE, file_mode=SOCKET)
    assert read(record, "fd.cip", "fd.sip", "fd.lip", "fd.rip") == (THERE, HERE, HERE, THERE)
    assert read(record, "fd.lport", "fd.rport", "fd.num") == (443, 40000, 5)
    assert read(record, "fd.is_server", "fd.name_changed") == (True, True)


def test_a_listening_socket_has_one_end(call, read):
    record = call("listen", flags=SERVER, source=bytes(4), destination=HERE, source_port=0, file_mode=SOCKET)
    assert read(record, "fd.name", "fd.sport", "fd.cport", "fd.cip") == (b"10.0.0.1:443", 443, None, None)
    assert read(record, "fd.ip", "fd.port") == ((HERE,), (443,))


def test_datagrams_to_an_address(call, read):
    record = call("sendto", flags=ADDRESSED, source=bytes(4), destination=THERE, sock_type=2, protocol=17)
    assert read(record, "fd.connected", "fd.name_changed", "fd.sip", "fd.l4proto") == (False, True, THERE, b"udp")


def test_a_socket_without_ends(call, read):
    ends = {"source": bytes(4), "destination": bytes(4), "source_port": 0, "dest_port": 0}
    record = call("socket", result=5, argument_0=2, **ends)
    assert read(record, "fd.name", "fd.sip", "fd.cip", "fd.type") == (b"", None, None, b"ipv4")
    assert read(record, "evt.arg.domain") == b"AF_INET"


@pytest.mark.parametrize(
    ("mode", "path", "kind", "letter"),
    [
        (0o100644, b"/etc/passwd", b"file", b"f"),
        (0o040755, b"/etc", b"directory", b"d"),
        (0o010600, b"pipefs:[7]", b"pipe", b"p"),
        (0o100777, b"memfd:x", b"memfd", b"m"),
        (0o600, b"[eventpoll]", b"eventpoll", b"l"),
        (0o020666, b"/dev/null", b"file", b"f"),
    ],
)
def test_a_descriptor_of_no_socket(call, read, mode: int, path: bytes, kind: bytes, letter: bytes):
    record = call("dup2", result=1, fd=1, file_mode=mode, path=path, family=0)
    assert read(record, "fd.name", "fd.type", "fd.typechar", "fd.num") == (path, kind, letter, 1)
    assert read(record, "fd.sip", "fd.connected", "fd.l4proto") == (None, None, b"<NA>")
    assert read(record, "evt.arg.res") == b"<" + letter + b">" + path


def test_a_descriptor_that_is_not_there(call, read):
    record = call("dup", result=-errno.EBADF, fd=-9, ino=0, family=0, file_mode=0)
    assert read(record, "fd.name", "fd.type", "fd.num", "fd.l4proto") == (None, None, None, None)
    assert read(record, "evt.arg.res", "evt.res") == (b"EBADF", b"EBADF")


def test_all_arguments_in_the_events_own_order(call, read):
    record = call("socket", result=5, argument_0=17, argument_1=3, family=17, source=b"", destination=b"")
    assert read(record, "evt.args") == b"fd=5(<o>) domain=17(AF_PACKET) type=3 proto=0"


def test_arguments_have_the_languages_names():
    for event_type, call in calls.CALLS.items():
        declared = {name for name, _ in events.arguments().get(event_type, ())}
        if declared:
            own = {register.name for register in call.registers if register.name}
            assert own <= declared, event_type
