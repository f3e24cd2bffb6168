"""Which optional hooks this kernel has, and how their arguments lie.

Raw tracepoints hand over their arguments as they are in this kernel's source, and some changed:
BTF's prototypes tell. What is missing only makes records poorer (see `uring_pending.bpf.c`), never absent,
except that a kernel without any io_uring submission hook cannot show io_uring's calls.
"""

from __future__ import annotations

from dataclasses import dataclass

from falcon_sensor.kernel import btf

_SUBMIT = ("io_uring_submit_req", "io_uring_submit_sqe")  # renamed in 6.3
_NEEDED_BY_URING = (
    "io_kiocb.opcode",
    "io_kiocb.flags",
    "io_open.dfd",
    "io_open.filename",
    "io_open.how",
    "filename.name",
    "io_connect.addr",
    "io_connect.addr_len",
)


@dataclass(frozen=True, slots=True)
class Hooks:
    """prepare_exec: `sched_prepare_exec` exists. uring_submit: the submission tracepoint's name, None: none usable.

    submit_request: position of the request among its arguments. complete_user_data and complete_result:
    positions in `io_uring_complete`, the former -1 when a pointer to the completion entry is handed
    over at the position of the latter. Both -2: results can't be paired with submissions.
    """

    prepare_exec: bool
    uring_submit: str | None
    submit_request: int = 0
    complete_user_data: int = -2
    complete_result: int = -2
    skip_bit: int | None = None

    @property
    def paired(self) -> bool:
        return self.complete_result >= 0

    def definitions(self) -> dict[str, int]:
        """Macros for the C text."""
        return {
            "FALCON_SUBMIT_REQUEST": self.submit_request,
            "FALCON_COMPLETE_USER_DATA": self.complete_user_data,
            "FALCON_COMPLETE_RESULT": self.complete_result,
            "FALCON_URING_PAIRED": int(self.paired),
            "FALCON_REQ_F_CQE_SKIP": 0 if self.skip_bit is None else 1 << self.skip_bit,
        }


def find(types: btf.Btf) -> Hooks:
    """What `types` says about this kernel."""
    prepare = types.tracepoint("sched_prepare_exec") is not None
    if not all(map(types.has, _NEEDED_BY_URING)):
        return Hooks(prepare, None)
    for name in _SUBMIT:
        parameters = types.tracepoint(name)
        if parameters and "io_kiocb" in parameters:
            user_data, result = _completion(types)
            return Hooks(
                prepare,
                name,
                parameters.index("io_kiocb"),
                user_data,
                result,
                types.constant("REQ_F_CQE_SKIP_BIT"),
            )
    return Hooks(prepare, None)


def _completion(types: btf.Btf) -> tuple[int, int]:
    """(ctx, req, cqe) today; (ctx, req, user_data, res, ...) up to 6.8. Overflows: (ctx, user_data, res, ...)."""
    parameters = types.tracepoint("io_uring_complete")
    paired_by = all(map(types.has, ("io_kiocb.cqe.user_data", "io_kiocb.ctx")))
    if not parameters or not types.tracepoint("io_uring_cqe_overflow") or not paired_by:
        return -2, -2
    if "io_uring_cqe" in parameters:
        return -1, parameters.index("io_uring_cqe")
    return (2, 3) if len(parameters) >= 4 else (-2, -2)
