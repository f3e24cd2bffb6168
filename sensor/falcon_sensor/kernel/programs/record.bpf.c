/* Putting a record together in scratch memory and shipping it.
 *
 * The scratch holds the largest record there can be, so bounding where a blob begins by the scratch's
 * end minus the blob's cap never moves one: it only tells the verifier.
 */

static __always_inline struct ev_workspace *ev_workspace_of(u32 place)
{
    return ev_workspaces.lookup(&place);
}

static __always_inline char *ev_buffer_of(u32 place)
{
    struct ev_buffer *buffer = ev_buffers.lookup(&place);
    return buffer ? buffer->bytes : 0;
}

static __always_inline struct falcon_head *ev_head(char *record)
{
    return (struct falcon_head *)record;
}

/* Where the lengths begin depends on the kind: `lengths` is that array. */
static __always_inline void ev_append(struct ev_workspace *w, char *record, u16 *lengths, u32 slot, u64 cap,
                                      u64 address, u64 length, int user)
{
    lengths[slot] = 0;
    if (!address || !length)
        return;
    if (length > cap)
        ev_head(record)->flags |= FALCON_FLAG_TRUNCATED;
    u64 at = w->at;
    BOUND(at, FALCON_BUFFER - cap);
    BOUND(length, cap);
    long failed = user ? bpf_probe_read_user(record + at, length, (void *)address)
                       : bpf_probe_read_kernel(record + at, length, (void *)address);
    if (failed) {
        ev_head(record)->flags |= FALCON_FLAG_UNREADABLE;
        return;
    }
    lengths[slot] = length;
    w->at = at + length;
}

/* The path last walked. */
static __always_inline void ev_append_walked(struct ev_workspace *w, char *record, u16 *lengths, u32 slot, u64 cap)
{
    u64 at = w->walked & (FALCON_PATH_CAP - 1);
    ev_append(w, record, lengths, slot, cap, (u64)&w->walk[at], FALCON_PATH_CAP - at, 0);
}

/* A NUL-terminated string of the kernel's. */
static __always_inline void ev_append_string(struct ev_workspace *w, char *record, u16 *lengths, u32 slot, u64 cap,
                                             u64 address)
{
    u64 at = w->at;
    BOUND(at, FALCON_BUFFER - cap);
    s64 length = bpf_probe_read_kernel_str(record + at, cap, (void *)address);
    lengths[slot] = 0;
    if (length < 0) {
        ev_head(record)->flags |= FALCON_FLAG_UNREADABLE;
    } else if (length > 1) {
        lengths[slot] = length - 1;
        w->at = at + length - 1;
    }
}

static __always_inline void ev_append_cgroups(struct ev_workspace *w, char *record, u16 *lengths)
{
    u64 set = READ(u64, w->facts.task, FALCON_TASK_CGROUPS);
    ev_walk_cgroup(w, READ(u64, set, FALCON_CSS_SET_DEFAULT));
    ev_append_walked(w, record, lengths, 0, FALCON_CGROUP_CAP);
    lengths[1] = 0;
#ifdef FALCON_V1_SUBSYSTEMS
    /* The first of the controllers in version-1 hierarchies where the task is not in the root. */
    u64 found = 0;
#define EV_TRY(number)                                                                       \
    if (!found) {                                                                            \
        u64 css = READ(u64, set, FALCON_CSS_SET_SUBSYS + (number) * sizeof(u64));            \
        u64 cgroup = READ(u64, css, FALCON_CSS_CGROUP);                                      \
        if (READ(u64, READ(u64, cgroup, FALCON_CGROUP_KN), FALCON_KERNFS_PARENT))            \
            found = cgroup;                                                                  \
    }
    FALCON_V1_SUBSYSTEMS(EV_TRY)
#undef EV_TRY
    if (found) {
        ev_walk_cgroup(w, found);
        ev_append_walked(w, record, lengths, 1, FALCON_CGROUP_CAP);
    }
#endif
}

static __always_inline void ev_ship(struct ev_workspace *w, char *record, u32 kind)
{
    ev_head(record)->flags |= w->facts.flags; /* what was found out since the head was filled */
    u64 size = w->at;
    BOUND(size, FALCON_BUFFER);
    if (ev_ring.ringbuf_output(record, size, 0)) {
        count(kind, FALCON_COUNTER_DROPPED, 1);
        return;
    }
    count(kind, FALCON_COUNTER_RECORDS, 1);
    count(kind, FALCON_COUNTER_BYTES, size);
}
