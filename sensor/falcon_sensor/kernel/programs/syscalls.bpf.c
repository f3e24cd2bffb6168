/* The dispatcher: sees every system call's exit and does as little as possible for nearly all. */

#define EV_SOCKETCALL_CONNECT 3

static __always_inline u32 ev_stage_of_call(u32 call)
{
    switch (call) {
    case FALCON_CALL_EXECVE:
    case FALCON_CALL_EXECVEAT:
        return FALCON_STAGE_EXEC_CALL;
    case FALCON_CALL_CONNECT:
        return FALCON_STAGE_CONNECT_CALL;
    }
    return FALCON_STAGE_OPEN_CALL;
}

/* socketcall(2) of 32-bit x86 takes a pointer to the arguments of the call it stands for. */
static __always_inline int ev_unwrap_socketcall(struct ev_workspace *w)
{
    u32 inner[3] = {};
    if (w->arguments[0] != EV_SOCKETCALL_CONNECT)
        return 0;
    if (bpf_probe_read_user(inner, sizeof(inner), (void *)w->arguments[1]))
        inner[0] = -1;
    w->arguments[0] = inner[0];
    w->arguments[1] = inner[1];
    w->arguments[2] = inner[2];
    return 1;
}

int ev_sys_exit(struct bpf_raw_tracepoint_args *ctx)
{
    u64 registers = ctx->args[0];
    u32 number = ev_number_in(registers);
    if (!ev_is_candidate(number))
        return 0;
    u64 task = bpf_get_current_task();
    int compat = ev_is_compat(task);
    u32 call = ev_wanted_call(compat, number);
    if (!call)
        return 0;

    struct ev_workspace *w = ev_workspace_of(EV_AT_SYSCALL);
    if (!w)
        return 0;
    ev_read_arguments(w, registers, compat);
    if (call == FALCON_CALL_SOCKETCALL) {
        if (!ev_unwrap_socketcall(w))
            return 0;
        call = FALCON_CALL_CONNECT;
    }
    w->facts.task = task;
    w->facts.result = ctx->args[1];
    w->facts.result_known = 1;
    w->facts.event = call - 1;
    w->facts.flags = compat ? FALCON_FLAG_IA32 : 0;
    w->unsure = 0;
    ev_tails.call(ctx, EV_AT_SYSCALL * EV_STAGES + ev_stage_of_call(call));
    return 0;
}
