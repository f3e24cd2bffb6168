/* The dispatcher: sees every system call's exit and does as little as possible for nearly all. */

#define EV_SOCKETCALL_SEND 9
#define EV_SOCKETCALL_RECV 10

/* socketcall(2) of 32-bit x86 takes a pointer to the arguments of the call it stands for. Gives that call,
 * 0: not wanted. */
static __always_inline u32 ev_unwrap_socketcall(struct ev_workspace *w)
{
    u32 inner[6] = {};
    u32 which = w->arguments[0];
    u64 given = w->arguments[1];
    u32 call = ev_socket_call(which);
    if (!call)
        return 0;
    /* Only connect and socket have three, but what stands behind a shorter list is read as well, if it can be. */
    if (ev_read_user(inner, sizeof(inner), (void *)given) && ev_read_user(inner, 12, (void *)given) &&
        ev_read_user(inner, 8, (void *)given))
        inner[0] = -1;
    if (which == EV_SOCKETCALL_SEND || which == EV_SOCKETCALL_RECV)
        inner[4] = inner[5] = 0; /* no address */
#pragma unroll
    for (u32 i = 0; i < 6; i++)
        w->arguments[i] = inner[i];
    return call;
}

/* A raw tracepoint and a function's end both hand over the registers and the result. */
int ev_sys_exit(struct bpf_raw_tracepoint_args *ctx)
{
#if FALCON_BY_TRACEPOINTS
    u64 registers = (u64)bpf_task_pt_regs(bpf_get_current_task_btf());
    s64 result = ctx->args[2]; /* behind eight bytes of the kernel's and the call's number */
#else
    u64 registers = ctx->args[0];
    s64 result = ctx->args[1];
#endif
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
        call = ev_unwrap_socketcall(w);
        if (!call)
            return 0;
    }
    w->facts.task = task;
    w->facts.result = result;
    w->facts.result_known = 1;
    w->facts.event = call - 1;
    w->facts.flags = compat ? FALCON_FLAG_IA32 : 0;
    w->unsure = 0;
    ev_tails.call(ctx, EV_AT_SYSCALL * EV_STAGES + ev_call_stage(call - 1));
    return 0;
}
