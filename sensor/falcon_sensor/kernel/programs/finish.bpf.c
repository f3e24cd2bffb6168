/* The last stage, for all kinds: head, ancestors, control groups, blobs, and out. */

/* When the reader was woken last. */
BPF_ARRAY(ev_woken, u64, 1);

/* Waking the reader costs whoever is seen here about as much as the record does (another CPU is interrupted), and the
 * reader more than what it then reads. So in a row of records one wakes it and the others wait for it, not for
 * longer than ring.py says. A container's records wake always: what else there is to know of it (the names that its
 * own files give to users) can be read only while it lives. Forced, because by its own rule the kernel wakes only a
 * reader that has read everything. A time ahead of ours, of another CPU just now, wakes once too often. */
static __always_inline u64 ev_wakes(const struct falcon_head *head)
{
    u32 only = 0;
    u64 *woken = ev_woken.lookup(&only);
    if (!woken)
        return BPF_RB_FORCE_WAKEUP;
    if (!(head->flags & FALCON_FLAG_CONTAINER) && head->time - *woken < FALCON_WAKE_PAUSE_NS)
        return BPF_RB_NO_WAKEUP;
    *woken = head->time;
    return BPF_RB_FORCE_WAKEUP;
}

static __always_inline void ev_ship(struct ev_workspace *w, char *record)
{
    u64 size = w->at;
    BOUND(size, FALCON_BUFFER);
    if (ev_ring.ringbuf_output(record, size, ev_wakes((struct falcon_head *)record))) {
        count(w->kind, FALCON_COUNTER_DROPPED, 1);
        return;
    }
    count(w->kind, FALCON_COUNTER_RECORDS, 1);
    count(w->kind, FALCON_COUNTER_BYTES, size);
}

int ev_finish(struct bpf_raw_tracepoint_args *ctx)
{
    u32 place;
    EV_PLACE(place);
    struct ev_workspace *w = ev_workspace_of(place);
    char *record = ev_buffer_of(place);
    if (!w || !record)
        return 0;
    struct falcon_head *head = (struct falcon_head *)record;
    ev_fill_head(&w->facts, w->kind, head, (struct falcon_ancestor *)(head + 1));
    ev_append_cgroups(w, record);
#pragma clang loop unroll(disable)
    for (u32 slot = FALCON_COMMON_SLOTS; slot < FALCON_SLOTS; slot++) {
        u64 base = slot == FALCON_BASE_SLOT ? w->bases[0] : slot == FALCON_BASE_SLOT + 1 ? w->bases[1] : 0;
        if (base) { /* both share the walk's memory: each is copied before the next is walked */
            ev_walk_path(w, base, 0);
            ev_give_walked(w, slot, FALCON_PATH_CAP);
        }
        if (w->lengths + 2 * slot < w->first)
            ev_append(w, record, slot, &w->blobs[slot]);
    }
#ifdef FALCON_FAILED_EXECS
    if (w->argv)
        ev_append_given_args(w, record);
#endif
    head->flags |= w->facts.flags; /* what was found out since the head was filled */
    ev_ship(w, record);
    return 0;
}
