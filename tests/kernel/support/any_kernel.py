"""A made-up kernel in which everything exists, for the C text of machines that are not this one."""

from __future__ import annotations

from falcon_sensor.kernel import btf, csource, offsets, tracepoints
from falcon_sensor.kernel.plan import contract

HOOKS = tracepoints.Hooks(True, "io_uring_submit_req", 0, -1, 2, 6)
OLD_HOOKS = tracepoints.Hooks(False, "io_uring_submit_sqe", 0, 2, 3, 6)


# What is read together must lie as near each other as it does.
KNOWN = {
    "dentry.d_parent": 24,
    "dentry.d_name.name": 40,
    "dentry.d_name.len": 36,
    "path.mnt": 0,
    "path.dentry": 8,
    "fdtable.max_fds": 0,
    "fdtable.fd": 8,
}


class AnyTypes(btf.Btf):
    """A kernel in which everything exists."""

    def __init__(self) -> None:
        self._next = 0

    def offset(self, *paths: str) -> int:
        self._next += 8
        return KNOWN.get(paths[0], self._next)

    def bit(self, *paths: str) -> int:
        return 8 * self.offset(*paths) + 1

    def has(self, path: str) -> bool:
        return True

    def size(self, name: str) -> int:
        return 168


def source(machine: str, hooks: tracepoints.Hooks = HOOKS, plan: contract.Plan | None = None) -> csource.Source:
    """The text of a plan, of everything if none is given."""
    host = csource.Host(machine, sensor_pid=1, sensor_pidns=2, v1_subsystems=(4, 7))
    plan = plan or contract.Plan.everything(failed_execs=True)
    return csource.generate(plan, host, offsets.macros(AnyTypes(), machine), hooks, 1 << 20)
