/* Calls that io_uring makes for a process, which no system call tracepoint sees.
 *
 * At submission the name is there but no result; at completion the result but no name. So what the
 * submission knows is held under (ring, user_data) until the completion entry with that user_data
 * comes, also when it goes to the overflow list. Where waiting is not safe, the event is shipped at
 * submission without a result, rather than never: no completion is wanted (IOSQE_CQE_SKIP_SUCCESS),
 * two requests share their user_data, or too many are waiting.
 */

#define EV_REQ_F_FIXED_FILE 1
/* That the kernel no longer needs what was sent without a copy: comes after the result, under the same user_data. */
#define EV_CQE_F_NOTIF 8
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
    if (!FALCON_HAS(FALCON_CONTEXT_NODES) || !FALCON_HAS(FALCON_NODE_FILE)) {
        if (!FALCON_HAS(FALCON_CONTEXT_FILES))
            return 0;
        u64 files = READ(u64, ring, FALCON_CONTEXT_FILES);
        return READ(u64, files, slot * sizeof(u64)) & ~EV_NODE_FLAGS;
    }
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
    ev_read_kernel(call->name, length, w->names.name);
#ifdef FALCON_URING_NAMES
    length = w->names.path_length;
    BOUND(length, FALCON_PATH_CAP);
    call->second_length = kind == FALCON_KIND_NAMES ? length : 0;
    if (kind == FALCON_KIND_NAMES)
        ev_read_kernel(call->second, length, w->names.path);
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
