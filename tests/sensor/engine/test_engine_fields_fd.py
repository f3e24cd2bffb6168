"""Fields of opened files and of sockets."""

from __future__ import annotations

import errno
import socket

from falcon_sensor.engine.fields import names
from falcon_sensor.records import layout

V4 = socket.inet_aton("10.0.0.5")
WEB = socket.inet_aton("93.184.216.34")
V6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1")


def test_an_opened_file(build, read):
    record = build.open(b"//etc//shadow", b"/etc/shadow", open_flags=names.O_RDWR | 0o2000000, mode=0o644)
    assert read(record, "fd.num", "fd.name", "fd.directory", "fd.filename") == (3, b"/etc/shadow", b"/etc", b"shadow")
    assert read(record, "fd.type", "fd.typechar", "fd.nameraw") == (b"file", b"f", b"/etc/shadow")
    assert read(record, "evt.arg.flags", "evt.arg.mode") == (b"O_RDWR|O_CLOEXEC", b"0644")
    assert read(record, "evt.is_open_read", "evt.is_open_write", "evt.is_open_exec") == (True, True, False)
    assert read(record, "fd.ino", "fd.dev", "fd.dev.major", "fd.dev.minor") == (77, 0x801, 8, 1)
    assert read(record, "evt.arg.fd", "evt.arg.dirfd") == (b"<f>/etc/shadow", b"AT_FDCWD")
    assert read(record, "evt.res", "evt.rawres", "evt.failed") == (b"SUCCESS", 3, False)
    assert read(record, "fs.path.name", "fs.path.target", "fd.sip", "fd.l4proto") == (b"/etc/shadow", None, None, None)


def test_a_failed_open_has_the_name_it_would_have_had(build, read):
    record = build.open(b"../a/./b", base=b"/srv/x", result=-errno.ENOENT)
    assert read(record, "fd.num", "fd.name", "fd.typechar", "fd.filename") == (-1, b"/srv/a/b", b"f", None)
    assert read(record, "evt.res", "evt.failed", "fs.path.name") == (b"ENOENT", True, None)
    assert read(record, "evt.count.error", "evt.count.error.file", "evt.count.error.net") == (1, 1, None)
    assert read(record, "evt.arg.fd", "evt.arg.name") == (b"ENOENT", b"/srv/a/b")


def test_directories_go_by_the_flag(build, read):
    record = build.open(b"/etc", b"/etc", open_flags=names.O_DIRECTORY)
    assert read(record, "fd.type", "fd.typechar", "fd.directory", "fd.filename") == (b"directory", b"d", b"/etc", None)
    temporary = build.open(b"/tmp", b"/tmp/#12", open_flags=names.O_TMPFILE | names.O_RDWR)
    assert read(temporary, "fd.type", "evt.is_open_create") == (b"file", True)


def test_a_file_in_the_root_directory(build, read):
    assert read(build.open(b"/x", b"/x"), "fd.directory", "fd.filename") == (b"/", b"x")


def test_creating(build, read):
    plain = build.open(b"/a", b"/a", open_flags=names.O_CREAT | names.O_WRONLY, mode=0o755)
    assert read(plain, "evt.is_open_exec", "evt.is_open_create") == (True, False)
    made = build.open(b"/a", b"/a", open_flags=names.O_CREAT | names.O_WRONLY, flags=layout.Flag.FD_CREATED)
    assert read(made, "evt.is_open_exec", "evt.is_open_create") == (False, True)
    assert read(made, "evt.arg.flags") == b"O_WRONLY|O_CREAT|O_F_CREATED"
    creat = build.open(b"/a", b"/a", event_type="creat", mode=0o700)
    assert read(creat, "evt.is_open_write", "evt.is_open_read", "evt.is_open_exec") == (True, False, True)
    assert read(creat, "evt.arg.flags") is None


def test_overlay_layers(build, read):
    record = build.open(b"/a", b"/a", flags=layout.Flag.FD_UPPER_LAYER)
    assert read(record, "fd.is_upper_layer", "fd.is_lower_layer") == (True, False)
    assert read(record, "evt.arg.flags") == b"O_RDONLY|FD_UPPER_LAYER"


def test_arguments_as_one_text(build, read):
    record = build.open(b"passwd", b"/etc/passwd", base=b"/etc", open_flags=0o2000000)
    assert read(record, "evt.args") == (
        b"fd=3(<f>/etc/passwd) dirfd=-100(AT_FDCWD) name=passwd(/etc/passwd) flags=524288(O_RDONLY|O_CLOEXEC) mode=0 "
        b"dev=801 ino=77"
    )
    assert read(record, "evt.arg[2]", "evt.arg[40]", "evt.rawarg.fd") == (b"/etc/passwd", None, 3)


def test_an_exec_has_no_descriptor(build, read):
    record = build.exec(b"x")
    wanted = ("fd.num", "fd.type", "fd.name", "fd.directory", "fd.filename", "fd.port", "fd.connected", "fd.nameraw")
    assert read(record, *wanted) == (None,) * len(wanted)
    assert read(record, "evt.is_open_write", "evt.arg.path") == (False, None)


def test_a_tcp_connection(build, read):
    record = build.connect(V4, WEB)
    assert read(record, "fd.name", "evt.arg.tuple") == (b"10.0.0.5:40000->93.184.216.34:443",) * 2
    assert read(record, "fd.type", "fd.typechar", "fd.l4proto", "fd.sockfamily") == (b"ipv4", b"4", b"tcp", b"ip")
    assert read(record, "fd.cip", "fd.sip", "fd.lip", "fd.rip") == (V4, WEB, V4, WEB)
    assert read(record, "fd.cport", "fd.sport", "fd.lport", "fd.rport") == (40000, 443, 40000, 443)
    assert read(record, "fd.ip", "fd.port", "fd.net") == ((V4, WEB), (40000, 443), (V4, WEB))
    assert read(record, "fd.num", "fd.connected", "fd.name_changed", "fd.is_server") == (5, True, True, False)
    assert read(record, "evt.arg.fd", "evt.arg.addr") == (
        b"<4t>10.0.0.5:40000->93.184.216.34:443",
        b"93.184.216.34:443",
    )
    assert read(record, "fd.directory", "fd.filename", "evt.category") == (None, None, b"net")


def test_a_connection_under_way_and_a_refused_one(build, read):
    pending = build.connect(V4, WEB, result=-errno.EINPROGRESS)
    assert read(pending, "fd.connected", "fd.name_changed", "evt.res") == (False, True, b"EINPROGRESS")
    refused = build.connect(b"", WEB, result=-errno.ECONNREFUSED, source_port=0)
    assert read(refused, "fd.connected", "fd.name_changed", "fd.sip", "fd.cip") == (False, False, WEB, None)
    assert read(refused, "fd.ip", "fd.name") == ((WEB,), b"0.0.0.0:0->93.184.216.34:443")


def test_ipv6(build, read):
    record = build.connect(V6, V6, family=10, sock_type=2, protocol=17, dest_port=53)
    assert read(record, "fd.type", "fd.l4proto", "fd.name") == (
        b"ipv6",
        b"udp",
        b"2001:db8::1:40000->2001:db8::1:53",
    )


def test_ipv4_written_the_ipv6_way_is_ipv4(build, read):
    mapped = bytes(10) + b"\xff\xff" + WEB
    record = build.connect(bytes(16), mapped, family=10)
    assert read(record, "fd.sip", "fd.type", "fd.rip") == (WEB, b"ipv4", WEB)


def test_unix_sockets(build, read):
    record = build.connect(b"", b"", family=1, protocol=0, unix_path=b"/run/docker.sock")
    assert read(record, "fd.name", "fd.type", "fd.typechar") == (b"/run/docker.sock", b"unix", b"u")
    assert read(record, "fd.sockfamily", "fd.l4proto", "fd.sip", "fd.port") == (b"unix", b"<NA>", None, None)
    abstract = build.connect(b"", b"", family=1, unix_path=b"\0bus")
    assert read(abstract, "fd.name") == b"@bus"


def test_raw_and_ping_sockets(build, read):
    assert read(build.connect(V4, WEB, sock_type=3, protocol=255), "fd.l4proto") == b"raw"
    assert read(build.connect(V4, WEB, sock_type=2, protocol=1), "fd.l4proto") == b"icmp"
    assert read(build.connect(V4, WEB, sock_type=2, protocol=200), "fd.l4proto") == b"<NA>"
