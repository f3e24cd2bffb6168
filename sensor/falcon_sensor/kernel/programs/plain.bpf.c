/* Calls about numbers only. */

#define EV_PLAIN_TEXT 0

int ev_plain(struct bpf_raw_tracepoint_args *ctx)
{
    u32 place;
    EV_PLACE(place);
    struct ev_workspace *w = ev_workspace_of(place);
    struct falcon_plain_record *out = (struct falcon_plain_record *)ev_buffer_of(place);
    if (!w || !out)
        return 0;
    struct falcon_facts *f = &w->facts;
    if (ev_asks(place) && !falcon_want_plain(f, &w->names))
        return 0;
    if (ev_is_sensor(f->task))
        return 0;
    f->flags |= FALCON_FLAG_WANTED;
    ev_tell_registers(w, (s64 *)&out->body);
    ev_begin(w, FALCON_KIND_PLAIN, FALCON_PLAIN_BLOBS, FALCON_PLAIN_SLOTS);
    u32 places = ev_places(f->event);
    if (ev_has(places, EV_PLAIN_TEXT))
        ev_give_text(w, FALCON_PLAIN_TEXT, ev_argument(w, places, EV_PLAIN_TEXT));
    ev_tails.call(ctx, place * EV_STAGES + FALCON_STAGE_FINISH);
    return 0;
}

int ev_sys_plain(struct bpf_raw_tracepoint_args *ctx)
{
    struct ev_workspace *w = ev_workspace_of(EV_AT_SYSCALL);
    if (!w)
        return 0;
    count(FALCON_KIND_PLAIN, FALCON_COUNTER_SEEN, 1);
    ev_narrow(w);
    if (falcon_want_plain_early(&w->facts))
        ev_tails.call(ctx, EV_AT_SYSCALL * EV_STAGES + FALCON_STAGE_PLAIN);
    return 0;
}
