/* Calls that io_uring makes for a process, which no system call tracepoint sees.
 *
 * At submission the name is there but no result; at completion the result but no name. So what the
 * submission knows is held under (ring, user_data) until the completion entry with that user_data
 * comes, also when it goes to the overflow list. Where waiting is not safe, the event is shipped at
 * submission without a result, rather than never: no completion is wanted (IOSQE_CQE_SKIP_SUCCESS),
 * two requests share their user_data, or too many are waiting.
 */

#define EV_REQ_F_FIXED_FILE 1
#define EV_SLOT_ANY 0xffffffffU
/* Low bits of a registered file's pointer are flags. */
#define EV_NODE_FLAGS 7ULL

/* Each takes 4 KiB (8 if some rule is about calls with two names), and only requests in flight have one. */
#define EV_PENDING_MOST 256

struct ev_pending_key {
    u64 ring;
    u64 user_data;
};

struct ev_pending_call {
    struct falcon_facts facts;
    u64 start; /* of the task's leader, to know the task again */
    u32 tgid;
    u32 slot;  /* the registered file's, plus one; 0: an ordinary descriptor */
    u32 unsure;
    u32 reserved;
    u64 name_length;
    char name[FALCON_PATH_CAP];
#ifdef FALCON_URING_NAMES
    u64 second_length;
    char second[FALCON_PATH_CAP];
#endif
};

BPF_TABLE("hash", struct ev_pending_key, struct ev_pending_call, ev_pending_calls, EV_PENDING_MOST);
BPF_PERCPU_ARRAY(ev_pending_scratch, struct ev_pending_call, 1);

static __always_inline u64 ev_registered_file(u64 ring, u32 slot)
{
    if (!FALCON_HAS(FALCON_CONTEXT_NODES) || !FALCON_HAS(FALCON_NODE_FILE))
        return 0;
    u64 nodes = READ(u64, ring, FALCON_CONTEXT_NODES);
    return READ(u64, READ(u64, nodes, slot * sizeof(u64)), FALCON_NODE_FILE) & ~EV_NODE_FLAGS;
}

/* Holds the call until its completion; 0 when that is not safe. */
static __always_inline int ev_hold(struct ev_workspace *w, u32 kind, u64 request, u32 slot)
{
#if FALCON_URING_PAIRED
    if (READ(u64, request, FALCON_REQ_FLAGS) & FALCON_REQ_F_CQE_SKIP)
        return 0;
    u32 zero = 0;
    struct ev_pending_call *call = ev_pending_scratch.lookup(&zero);
    if (!call)
        return 0;
    struct ev_pending_key key = {
        .ring = READ(u64, request, FALCON_REQ_CONTEXT),
        .user_data = READ(u64, request, FALCON_REQ_USER_DATA),
    };
    __builtin_memcpy(&call->facts, &w->facts, sizeof(call->facts));
    call->start = READ(u64, ev_leader(w->facts.task), FALCON_TASK_START);
    call->tgid = READ(u32, w->facts.task, FALCON_TASK_TGID);
    call->slot = slot;
    call->unsure = w->unsure;
    call->reserved = 0;
    u64 length = w->names.name_length;
    BOUND(length, FALCON_PATH_CAP);
    call->name_length = length;
    bpf_probe_read_kernel(call->name, length, w->names.name);
#ifdef FALCON_URING_NAMES
    length = w->names.path_length;
    BOUND(length, FALCON_PATH_CAP);
    call->second_length = kind == FALCON_KIND_NAMES ? length : 0;
    if (kind == FALCON_KIND_NAMES)
        bpf_probe_read_kernel(call->second, length, w->names.path);
#endif
    if (ev_pending_calls.insert(&key, call)) { /* only if there is no such key */
        count(kind, FALCON_COUNTER_PENDING_FULL, 1);
        return 0;
    }
    return 1;
#else
    return 0;
#endif
}

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
    s64 length = bpf_probe_read_kernel_str(w->names.name, FALCON_PATH_CAP, (void *)name);
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

#if defined(FALCON_URING_NAMES) || defined(FALCON_URING_DESCRIPTOR)
/* The registers that the same system call would have had; unlike there, none has bits too many. */
static __always_inline void ev_take_registers(struct ev_workspace *w, u64 otherwise)
{
#pragma unroll
    for (u32 i = 0; i < 6; i++)
        w->arguments[i] = w->facts.arguments[i];
    w->arguments[EV_DEFAULT] = otherwise;
    w->arguments[EV_NOWHERE] = 0;
}
#endif

#ifdef FALCON_URING_NAMES
static __always_inline u64 ev_read_kernel_name(struct ev_workspace *w, char *to, u64 filename)
{
    u64 name = READ(u64, filename, FALCON_FILENAME_NAME);
    s64 length = bpf_probe_read_kernel_str(to, FALCON_PATH_CAP, (void *)name);
    if (length >= 1)
        return length - 1;
    w->facts.flags |= FALCON_FLAG_UNREADABLE;
    w->unsure = 1;
    to[0] = 0;
    return 0;
}

static __always_inline u32 ev_submit_names(struct ev_workspace *w, u64 request)
{
    struct falcon_facts *f = &w->facts;
    s64 *given = f->arguments;
    u64 first = 0, second = 0;
    switch (f->event) {
    case FALCON_EVENT_RENAMEAT2:
        given[0] = READ(s32, request, FALCON_RENAME_OLD_DFD);
        given[2] = READ(s32, request, FALCON_RENAME_NEW_DFD);
        given[4] = READ(u32, request, FALCON_RENAME_FLAGS);
        first = READ(u64, request, FALCON_RENAME_OLD);
        second = READ(u64, request, FALCON_RENAME_NEW);
        break;
    case FALCON_EVENT_LINKAT:
        given[0] = READ(s32, request, FALCON_LINK_OLD_DFD);
        given[2] = READ(s32, request, FALCON_LINK_NEW_DFD);
        given[4] = READ(u32, request, FALCON_LINK_FLAGS);
        first = READ(u64, request, FALCON_LINK_OLD);
        second = READ(u64, request, FALCON_LINK_NEW);
        break;
    case FALCON_EVENT_SYMLINKAT:
        given[1] = READ(s32, request, FALCON_LINK_NEW_DFD);
        first = READ(u64, request, FALCON_LINK_OLD);
        second = READ(u64, request, FALCON_LINK_NEW);
        break;
    case FALCON_EVENT_UNLINKAT:
        given[0] = READ(s32, request, FALCON_UNLINK_DFD);
        given[2] = READ(u32, request, FALCON_UNLINK_FLAGS);
        first = READ(u64, request, FALCON_UNLINK_NAME);
        break;
    case FALCON_EVENT_MKDIRAT:
        given[0] = READ(s32, request, FALCON_MKDIR_DFD);
        given[2] = READ(u16, request, FALCON_MKDIR_MODE);
        first = READ(u64, request, FALCON_MKDIR_NAME);
        break;
    }
    count(FALCON_KIND_NAMES, FALCON_COUNTER_SEEN, 1);
    if (!falcon_want_names_early(f))
        return 0;
    w->names.name_length = ev_read_kernel_name(w, w->names.name, first);
    w->names.path_length = 0;
    if (second)
        w->names.path_length = ev_read_kernel_name(w, w->names.path, second);
    if (ev_hold(w, FALCON_KIND_NAMES, request, 0))
        return 0;
    ev_take_registers(w, EV_AT_FDCWD);
    return FALCON_STAGE_NAMES;
}
#endif

#ifdef FALCON_URING_DESCRIPTOR
static __always_inline int ev_makes_descriptor(u32 event)
{
    return event == FALCON_EVENT_SOCKET || event == FALCON_EVENT_ACCEPT4;
}

/* Where a datagram goes: copied from the caller's memory by the time a request is submitted. */
static __always_inline void ev_read_async_address(struct ev_workspace *w, u64 request)
{
    ev_forget_address(w);
    if (!FALCON_HAS(FALCON_REQ_ASYNC) || !FALCON_HAS(FALCON_ASYNC_ADDRESS))
        return;
    u64 message = READ(u64, request, FALCON_REQ_ASYNC);
    u64 address = message ? READ(u64, message, FALCON_ASYNC_ADDRESS) : 0;
    u32 length = message ? READ(u32, message, FALCON_ASYNC_ADDRESS_LENGTH) : 0;
    if (address && length)
        ev_take_address(w, address, length, 0);
}

static __always_inline u32 ev_submit_descriptor(struct ev_workspace *w, u64 request)
{
    struct falcon_facts *f = &w->facts;
    int fixed = READ(u64, request, FALCON_REQ_FLAGS) & EV_REQ_F_FIXED_FILE;
    u32 slot = 0;
    f->fd = FALCON_HAS(FALCON_REQ_FD) ? READ(s32, request, FALCON_REQ_FD) : -1;
    f->arguments[0] = f->fd;
    switch (f->event) {
    case FALCON_EVENT_SOCKET:
        f->arguments[0] = READ(u32, request, FALCON_NEW_SOCKET_DOMAIN);
        f->arguments[1] = READ(u32, request, FALCON_NEW_SOCKET_TYPE);
        f->arguments[2] = READ(u32, request, FALCON_NEW_SOCKET_PROTOCOL);
        slot = READ(u32, request, FALCON_NEW_SOCKET_SLOT);
        break;
    case FALCON_EVENT_ACCEPT4:
        f->arguments[0] = 0;
        f->arguments[3] = READ(s32, request, FALCON_ACCEPT_FLAGS);
        slot = FALCON_HAS(FALCON_ACCEPT_SLOT) ? READ(u32, request, FALCON_ACCEPT_SLOT) : 0;
        break;
    case FALCON_EVENT_LISTEN:
        f->arguments[1] = READ(s32, request, FALCON_LISTEN_BACKLOG);
        break;
    }
    count(FALCON_KIND_DESCRIPTOR, FALCON_COUNTER_SEEN, 1);
    if (!falcon_want_descriptor_early(f))
        return 0;
    if (f->event == FALCON_EVENT_SENDTO || f->event == FALCON_EVENT_SENDMSG)
        ev_read_async_address(w, request);
    else
        ev_forget_address(w);
    if (!ev_makes_descriptor(f->event))
        slot = fixed ? f->fd + 1 : 0;
    if (ev_hold(w, FALCON_KIND_DESCRIPTOR, request, slot))
        return 0;
    w->file = fixed || ev_makes_descriptor(f->event) ? 0 : ev_file_of(f->task, f->fd);
    ev_take_registers(w, 0);
    return FALCON_STAGE_DESCRIPTOR;
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

static __always_inline u32 ev_complete(u32 place, u64 ring, u64 user_data, s32 result)
{
    struct ev_pending_key key = {.ring = ring, .user_data = user_data};
    struct ev_pending_call *call = ev_pending_calls.lookup(&key);
    struct ev_workspace *w = ev_workspace_of(place);
    if (!call || !w)
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
    bpf_probe_read_kernel(w->names.name, length, call->name);
    u32 slot = call->slot;
#ifdef FALCON_URING_NAMES
    length = call->second_length;
    BOUND(length, FALCON_PATH_CAP);
    w->names.path_length = length;
    bpf_probe_read_kernel(w->names.path, length, call->second);
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

int ev_uring_complete(struct bpf_raw_tracepoint_args *ctx)
{
#if FALCON_COMPLETE_USER_DATA < 0
    u64 entry = ctx->args[FALCON_COMPLETE_RESULT];
    u64 user_data = READ(u64, entry, FALCON_CQE_USER_DATA);
    s32 result = READ(s32, entry, FALCON_CQE_RESULT);
#else
    u64 user_data = ctx->args[FALCON_COMPLETE_USER_DATA];
    s32 result = ctx->args[FALCON_COMPLETE_RESULT];
#endif
    u32 stage = ev_complete(EV_AT_COMPLETE, ctx->args[0], user_data, result);
    if (stage)
        ev_tails.call(ctx, EV_AT_COMPLETE * EV_STAGES + stage);
    return 0;
}

/* The completion queue was full: the same completion by another way. */
int ev_uring_overflow(struct bpf_raw_tracepoint_args *ctx)
{
    u32 stage = ev_complete(EV_AT_OVERFLOW, ctx->args[0], ctx->args[1], ctx->args[2]);
    if (stage)
        ev_tails.call(ctx, EV_AT_OVERFLOW * EV_STAGES + stage);
    return 0;
}
#endif
