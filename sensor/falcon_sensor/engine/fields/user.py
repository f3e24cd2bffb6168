"""`user.*` and `group.*`: effective ids and the names the process's own passwd gives them."""

from __future__ import annotations

from falcon_sensor.engine import event
from falcon_sensor.engine.fields import kinds
from falcon_sensor.state import users

LOGINUID_UNSET = 0xFFFFFFFF


def login_uid(e: event.Event) -> int:
    uid = e.head.loginuid
    return -1 if uid == LOGINUID_UNSET else uid


def login_name(e: event.Event) -> bytes:
    login = e.login
    return users.UNKNOWN if login is None else login.name


PLAIN: kinds.Plain = {
    "user.uid": lambda e: e.head.uid,
    "user.name": lambda e: e.user.name,
    "user.homedir": lambda e: e.user.home,
    "user.shell": lambda e: e.user.shell,
    "user.loginuid": login_uid,
    "user.loginname": login_name,
    "group.gid": lambda e: e.head.gid,
    "group.name": lambda e: e.group.name,
}

MISSING: kinds.Missing = {}
