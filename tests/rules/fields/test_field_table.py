import pytest

from falcon_rules.fields import events, services, table


@pytest.mark.parametrize(
    ("name", "argument", "field", "found_argument"),
    [
        ("proc.name", None, "proc.name", None),
        ("proc.aname", "2", "proc.aname", "2"),
        ("proc.aname", None, "proc.aname", None),
        ("proc.env", "A B", "proc.env", "A B"),
        ("proc.env", "", "proc.env", ""),
        ("evt.arg.flags", None, "evt.arg", "flags"),
        ("evt.arg", "0", "evt.arg", "0"),
        ("evt.rawarg.fd", None, "evt.rawarg", "fd"),
        ("evt.type.is.openat", None, "evt.type.is", "openat"),
        ("evt.abspath.src", None, "evt.abspath", "src"),
        ("thread.cgroup.cpuset", None, "thread.cgroup", "cpuset"),
        ("container.mount.dest", "/proc*", "container.mount.dest", "/proc*"),
    ],
)
def test_names_with_their_arguments_are_found(name, argument, field, found_argument):
    found = table.lookup(name, argument)
    assert (found.field.name, found.argument) == (field, found_argument)


@pytest.mark.parametrize(
    ("name", "argument", "says"),
    [
        ("proc.namex", None, "unknown field proc.namex"),
        ("proc.name", "1", "takes no argument"),
        ("evt.arg", None, "needs an argument"),
        ("container.label", None, "needs an argument"),
        ("evt.arg", "flags", "not a number"),
        ("proc.aname", "-1", "not a number"),
        ("proc.aname", "9" * 5000, "not a number"),
        ("evt.arg.nosuch", None, "unknown event argument"),
        ("evt.rawarg", "0", "takes no argument in brackets"),
        ("evt.abspath.up", None, "unknown field"),
        ("evt.type.is.nosuch", None, "unknown event type"),
        ("syslog.message", None, "unknown field"),
    ],
)
def test_what_is_no_field_is_refused(name, argument, says):
    with pytest.raises(table.UnknownField, match=says):
        table.lookup(name, argument)


def test_a_misspelt_name_gets_a_suggestion():
    with pytest.raises(table.UnknownField) as caught:
        table.lookup("proc.nmae")
    assert caught.value.suggestion == "proc.name"


def test_raw_arguments_have_the_type_of_the_argument():
    assert table.lookup("evt.rawarg.flags").type is table.Type.FLAGS32
    assert table.lookup("evt.arg.flags").type is table.Type.CHARBUF


def test_only_index_less_ancestors_have_several_candidates():
    assert table.lookup("proc.aname").any_of is table.AnyOf.ANCESTORS
    assert table.lookup("proc.aname", "1").any_of is None
    assert table.lookup("fd.net").any_of is table.AnyOf.ENDS
    assert table.lookup("proc.aargs").any_of is None


def test_extra_fields_come_first():
    extra = {"test.list": table.Field("test.list", table.Type.UINT64, many=True)}
    assert table.lookup("test.list", None, extra).field.many


def test_every_argument_type_is_a_type_of_the_table():
    for pairs in events.arguments().values():
        for _, kind in pairs:
            table.Type(kind)


def test_every_event_with_arguments_is_a_known_event():
    assert set(events.arguments()) <= events.names()


@pytest.mark.parametrize("name", ["openat", "open", "io_uring_enter", "umount", "procexit", "openat2", "mseal"])
def test_system_calls_and_other_events_are_known(name):
    assert events.is_known(name)


def test_services_map_names_to_ports():
    assert services.ports()["https"] == 443
    assert services.ports()["domain"] == 53
