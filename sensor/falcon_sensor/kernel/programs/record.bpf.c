/* How records are put together: a kind's own stage says what its blobs are, the last stage copies them. */

static __always_inline void ev_begin(struct ev_workspace *w, u32 kind, u32 blobs, u32 slots)
{
    w->kind = kind;
    w->at = blobs;
    w->first = blobs;
    w->lengths = blobs - 2 * slots;
    w->bases[0] = 0;
    w->bases[1] = 0;
    w->argv = 0;
#pragma unroll
    for (u32 slot = 0; slot < FALCON_SLOTS; slot++)
        w->blobs[slot].length = 0;
}

static __always_inline void ev_give(struct ev_workspace *w, u32 slot, u32 cap, u64 address, u64 length, u32 user)
{
    struct ev_blob *blob = &w->blobs[slot];
    blob->address = address;
    blob->length = length;
    blob->cap = cap;
    blob->user = user;
}

static __always_inline void ev_give_names(struct ev_workspace *w, u32 name, u32 path)
{
    ev_give(w, name, FALCON_PATH_CAP, (u64)w->names.name, w->names.name_length, 0);
    ev_give(w, path, FALCON_PATH_CAP, (u64)w->names.path, w->names.path_length, 0);
}

static __always_inline void ev_set_length(struct ev_workspace *w, char *record, u32 slot, u16 length)
{
    u64 at = w->lengths + 2 * slot;
    BOUND(at, FALCON_BUFFER - 2);
    *(u16 *)(record + at) = length;
}

/* The scratch holds the largest record there can be, so bounding where a blob begins by the scratch's
 * end minus the blob's cap never moves one: it only tells the verifier. */
static __always_inline long ev_copy(struct ev_workspace *w, char *record, u64 cap, const struct ev_blob *blob)
{
    u64 at = w->at;
    u64 length = blob->length;
    BOUND(at, FALCON_BUFFER - cap);
    BOUND(length, cap);
    if (blob->user)
        return ev_read_user(record + at, length, (void *)blob->address);
    return ev_read_kernel(record + at, length, (void *)blob->address);
}

static __always_inline void ev_append(struct ev_workspace *w, char *record, u32 slot, struct ev_blob *blob)
{
    ev_set_length(w, record, slot, 0);
    if (!blob->length)
        return;
    if (blob->length > blob->cap) {
        w->facts.flags |= FALCON_FLAG_TRUNCATED;
        blob->length = blob->cap;
    }
    long failed = blob->length > FALCON_PATH_CAP ? ev_copy(w, record, FALCON_ARGS_CAP, blob)
                                                 : ev_copy(w, record, FALCON_PATH_CAP, blob);
    if (failed) {
        w->facts.flags |= FALCON_FLAG_UNREADABLE;
        return;
    }
    ev_set_length(w, record, slot, blob->length);
    w->at += blob->length;
}

static __always_inline void ev_give_walked(struct ev_workspace *w, u32 slot, u32 cap)
{
    u64 at = w->walked & (FALCON_PATH_CAP - 1);
    ev_give(w, slot, cap, (u64)&w->walk[at], FALCON_PATH_CAP - at, 0);
}

static __always_inline void ev_append_cgroups(struct ev_workspace *w, char *record)
{
    u64 set = READ(u64, w->facts.task, FALCON_TASK_CGROUPS);
    /* In memory that no filter needs any more: a register that goes round with the loop may come back from the stack at
     * its end, which then falls into its beginning, and Linux 6.1 wants a jump there. */
    w->scratch[0] = READ(u64, set, FALCON_CSS_SET_DEFAULT);
    w->scratch[1] = ev_v1_cgroup(set);
#pragma clang loop unroll(disable)
    for (u32 slot = 0; slot < 2; slot++) {
        u64 cgroup = w->scratch[slot & 1];
        w->blobs[0].length = 0;
        if (cgroup) {
            ev_walk_cgroup(w, cgroup);
            ev_give_walked(w, 0, FALCON_CGROUP_CAP);
        }
        ev_append(w, record, slot, &w->blobs[0]);
    }
}
