/* io_uring's submissions and completions; what they share is in uring_pending. */

#ifdef FALCON_URING_OPEN
/* Gives the stage to go on with, 0: none. */
static __always_inline u32 ev_submit_open(struct ev_workspace *w, u64 request)
{
    struct falcon_facts *f = &w->facts;
    f->dirfd = READ(s32, request, FALCON_OPEN_DFD);
    /* The kernel's own addition, on 64-bit machines: openat's flags do not have it. */
    f->open_flags = READ(u64, request, FALCON_OPEN_HOW) & ~(u64)EV_O_LARGEFILE;
    f->mode = READ(u64, request, FALCON_OPEN_HOW + sizeof(u64));
    count(FALCON_KIND_OPEN, FALCON_COUNTER_SEEN, 1);
    if (!falcon_want_open_early(f))
        return 0;
    u64 name = READ(u64, READ(u64, request, FALCON_OPEN_FILENAME), FALCON_FILENAME_NAME);
    s64 length = ev_read_kernel_str(w->names.name, FALCON_PATH_CAP, (void *)name);
    if (length < 1) {
        f->flags |= FALCON_FLAG_UNREADABLE;
        w->unsure = 1;
        length = 1;
    }
    w->names.name_length = length - 1;
    u32 slot = FALCON_HAS(FALCON_OPEN_SLOT) ? READ(u32, request, FALCON_OPEN_SLOT) : 0;
    if (ev_hold(w, FALCON_KIND_OPEN, request, slot))
        return 0;
    w->file = 0;
    return FALCON_STAGE_OPEN;
}
#endif

#ifdef FALCON_URING_CONNECT
static __always_inline u32 ev_submit_connect(struct ev_workspace *w, u64 request)
{
    struct falcon_facts *f = &w->facts;
    int fixed = READ(u64, request, FALCON_REQ_FLAGS) & EV_REQ_F_FIXED_FILE;
    f->fd = FALCON_HAS(FALCON_REQ_FD) ? READ(s32, request, FALCON_REQ_FD) : -1;
    count(FALCON_KIND_CONNECT, FALCON_COUNTER_SEEN, 1);
    if (!falcon_want_connect_early(f))
        return 0;
    u64 address = READ(u64, request, FALCON_CONNECT_ADDRESS);
    ev_read_address(w, address, READ(u32, request, FALCON_CONNECT_LENGTH), 1);
    if (ev_hold(w, FALCON_KIND_CONNECT, request, fixed ? f->fd + 1 : 0))
        return 0;
    w->file = fixed ? 0 : ev_file_of(f->task, f->fd);
    return FALCON_STAGE_CONNECT;
}
#endif

int ev_uring_submit(struct bpf_raw_tracepoint_args *ctx)
{
    u64 request = ctx->args[FALCON_SUBMIT_REQUEST];
    u32 call = ev_uring_call(READ(u8, request, FALCON_REQ_OPCODE));
    if (!call)
        return 0;
    struct ev_workspace *w = ev_workspace_of(EV_AT_SUBMIT);
    if (!w)
        return 0;
    w->facts.task = bpf_get_current_task();
    w->facts.event = call - 1;
    w->facts.result = 0;
    w->facts.result_known = 0;
    w->facts.flags = FALCON_FLAG_IO_URING;
    w->unsure = 0;
    __builtin_memset(w->facts.arguments, 0, sizeof(w->facts.arguments));
    u32 stage = 0;
    switch (ev_call_stage(call - 1)) {
#ifdef FALCON_URING_CONNECT
    case FALCON_STAGE_CONNECT_CALL:
        stage = ev_submit_connect(w, request);
        break;
#endif
#ifdef FALCON_URING_OPEN
    case FALCON_STAGE_OPEN_CALL:
        stage = ev_submit_open(w, request);
        break;
#endif
#ifdef FALCON_URING_NAMES
    case FALCON_STAGE_NAMES_CALL:
        stage = ev_submit_names(w, request);
        break;
#endif
#ifdef FALCON_URING_DESCRIPTOR
    case FALCON_STAGE_DESCRIPTOR_CALL:
        stage = ev_submit_descriptor(w, request);
        break;
#endif
    }
    if (stage)
        ev_tails.call(ctx, EV_AT_SUBMIT * EV_STAGES + stage);
    return 0;
}

#if FALCON_URING_PAIRED
/* The submitter, or whoever runs now when it is gone: an exiting task's completions come from a worker. */
static __always_inline u64 ev_submitter(const struct ev_pending_call *call)
{
    u64 task = call->facts.task;
    if (READ(u32, task, FALCON_TASK_TGID) == call->tgid &&
        READ(u64, ev_leader(task), FALCON_TASK_START) == call->start)
        return task;
    return bpf_get_current_task();
}

/* Requests that may have several completions. */
static __always_inline int ev_goes_on(u32 event)
{
    return event == FALCON_EVENT_ACCEPT4 || event == FALCON_EVENT_RECVFROM || event == FALCON_EVENT_RECVMSG;
}

/* request: 0 for an entry that ends none. Of requests that go on these are the results; else whoever runs may have
 * sent it to its own ring (IORING_OP_MSG_RING), under any user_data and with any result, while the call still waits. */
static __always_inline u32 ev_complete(u32 place, u64 ring, u64 request, u64 user_data, s32 result)
{
    struct ev_pending_key key = {.ring = ring, .user_data = user_data};
    struct ev_pending_call *call = ev_pending_calls.lookup(&key);
    struct ev_workspace *w = ev_workspace_of(place);
    if (!call || !w || (!request && !ev_goes_on(call->facts.event)))
        return 0;
    struct falcon_facts *f = &w->facts;
    __builtin_memcpy(f, &call->facts, sizeof(*f));
    f->task = ev_submitter(call);
    f->result = result;
    f->result_known = 1;
    w->unsure = call->unsure;
    u64 length = call->name_length;
    BOUND(length, FALCON_PATH_CAP);
    w->names.name_length = length;
    w->names.path_length = 0;
    ev_read_kernel(w->names.name, length, call->name);
    u32 slot = call->slot;
#ifdef FALCON_URING_NAMES
    length = call->second_length;
    BOUND(length, FALCON_PATH_CAP);
    w->names.path_length = length;
    ev_read_kernel(w->names.path, length, call->second);
#endif
    ev_pending_calls.delete(&key);

    u32 kind = ev_call_stage(f->event);
#ifdef FALCON_URING_CONNECT
    if (kind == FALCON_STAGE_CONNECT_CALL) {
        w->file = slot ? ev_registered_file(ring, slot - 1) : ev_file_of(f->task, f->fd);
        return w->unsure || falcon_want_connect_early(f) ? FALCON_STAGE_CONNECT : 0;
    }
#endif
#ifdef FALCON_URING_NAMES
    if (kind == FALCON_STAGE_NAMES_CALL) {
        ev_take_registers(w, EV_AT_FDCWD);
        return w->unsure || falcon_want_names_early(f) ? FALCON_STAGE_NAMES : 0;
    }
#endif
#ifdef FALCON_URING_DESCRIPTOR
    if (kind == FALCON_STAGE_DESCRIPTOR_CALL) {
        if (ev_makes_descriptor(f->event)) {
            f->fd = result;
            slot = slot == EV_SLOT_ANY ? result + 1 : slot;
            slot = result < 0 ? 0 : slot;
        }
        w->file = slot ? ev_registered_file(ring, slot - 1) : ev_file_of(f->task, f->fd);
        ev_read_missed_address(w, ring);
        ev_take_registers(w, result);
        return w->unsure || falcon_want_descriptor_early(f) ? FALCON_STAGE_DESCRIPTOR : 0;
    }
#endif
#ifdef FALCON_URING_OPEN
    if (slot == EV_SLOT_ANY)
        slot = result + 1;
    w->file = 0;
    if (result >= 0)
        w->file = slot ? ev_registered_file(ring, slot - 1) : ev_file_of(f->task, result);
    return w->unsure || falcon_want_open_early(f) ? FALCON_STAGE_OPEN : 0;
#else
    return 0;
#endif
}

/* Both ways of a completion, each with its own place: to the completion queue, or where that is full to a list, which
 * does not tell whether a request ends. The kernel takes out what the place at hand does not need. */
int ev_uring_complete(struct bpf_raw_tracepoint_args *ctx)
{
    u32 place;
    EV_PLACE(place);
    u64 request = ctx->args[1];
    u64 user_data = request;
    u64 second = ctx->args[2];
    /* Read here and not below: clang would make one reading of two, from a computed place, and Linux 6.1 and 6.12 refuse
     * a program that does that to its context. */
    asm volatile("" : "+r"(user_data), "+r"(second));
    s32 result;
    if (place == EV_AT_OVERFLOW) {
        request = 1;
        result = second;
    } else {
#if FALCON_COMPLETE_USER_DATA < 0
        u64 entry = ctx->args[FALCON_COMPLETE_RESULT];
        user_data = READ(u64, entry, FALCON_CQE_USER_DATA);
        result = READ(s32, entry, FALCON_CQE_RESULT);
        u32 flags = READ(u32, entry, FALCON_CQE_FLAGS);
#else
        user_data = ctx->args[FALCON_COMPLETE_USER_DATA];
        result = ctx->args[FALCON_COMPLETE_RESULT];
        u32 flags = ctx->args[FALCON_COMPLETE_RESULT + 1];
#endif
        if (flags & EV_CQE_F_NOTIF)
            return 0;
    }
    u32 stage = ev_complete(place, ctx->args[0], request, user_data, result);
    if (stage)
        ev_tails.call(ctx, place * EV_STAGES + stage);
    return 0;
}
#endif
