/* Calls about one or two file names. The names are told as given, each with the place where a relative one
 * starts; what they lead to is not looked up, for often that is gone by the time the call returns. */

#define EV_FIRST_NAME 0
#define EV_FIRST_DIRECTORY 1
#define EV_SECOND_NAME 2
#define EV_SECOND_DIRECTORY 3

static __always_inline u64 ev_read_name_into(struct ev_workspace *w, char *to, u64 address)
{
    s64 length = ev_read_user_str(to, FALCON_PATH_CAP, (void *)address);
    if (length >= 1)
        return length - 1;
    w->facts.flags |= FALCON_FLAG_UNREADABLE;
    w->unsure = 1;
    to[0] = 0;
    return 0;
}

/* Where a name that does not begin with a slash starts: a struct path, 0: unknown, or the name is no file's. */
static __always_inline u64 ev_start_of(struct ev_workspace *w, u32 places, u32 directory, char first)
{
    if (first == '/' || !ev_has(places, directory))
        return 0;
    s32 fd = ev_argument(w, places, directory);
    if (fd == EV_AT_FDCWD)
        return ev_cwd(w->facts.task);
    u64 file = ev_file_of(w->facts.task, fd);
    return file ? FIELD_ADDRESS(file, FALCON_FILE_PATH) : 0;
}

/* Facts, registers and names are in the workspace: what does the filter say? */
int ev_names(struct bpf_raw_tracepoint_args *ctx)
{
    u32 place;
    EV_PLACE(place);
    struct ev_workspace *w = ev_workspace_of(place);
    struct falcon_names_record *out = (struct falcon_names_record *)ev_buffer_of(place);
    if (!w || !out)
        return 0;
    struct falcon_facts *f = &w->facts;
    if (!w->unsure && ev_asks(place) && !falcon_want_names(f, &w->names))
        return 0;
    if (ev_is_sensor(f->task))
        return 0;
    f->flags |= FALCON_FLAG_WANTED;

    ev_tell_registers(w, (s64 *)&out->body);
    ev_begin(w, FALCON_KIND_NAMES, FALCON_NAMES_BLOBS, FALCON_NAMES_SLOTS);
    ev_give_names(w, FALCON_NAMES_NAME, FALCON_NAMES_SECOND);
    u32 places = ev_places(f->event);
    w->bases[0] = ev_start_of(w, places, EV_FIRST_DIRECTORY, w->names.name[0]);
    if (ev_has(places, EV_SECOND_NAME))
        w->bases[1] = ev_start_of(w, places, EV_SECOND_DIRECTORY, w->names.path[0]);
    ev_tails.call(ctx, place * EV_STAGES + FALCON_STAGE_FINISH);
    return 0;
}

int ev_sys_names(struct bpf_raw_tracepoint_args *ctx)
{
    struct ev_workspace *w = ev_workspace_of(EV_AT_SYSCALL);
    if (!w)
        return 0;
    count(FALCON_KIND_NAMES, FALCON_COUNTER_SEEN, 1);
    ev_narrow(w);
    w->arguments[EV_DEFAULT] = EV_AT_FDCWD;
    if (!falcon_want_names_early(&w->facts))
        return 0;
    u32 places = ev_places(w->facts.event);
    w->names.name_length = ev_read_name_into(w, w->names.name, ev_argument(w, places, EV_FIRST_NAME));
    w->names.path_length = 0;
    if (ev_has(places, EV_SECOND_NAME))
        w->names.path_length = ev_read_name_into(w, w->names.path, ev_argument(w, places, EV_SECOND_NAME));
    ev_tails.call(ctx, EV_AT_SYSCALL * EV_STAGES + FALCON_STAGE_NAMES);
    return 0;
}
