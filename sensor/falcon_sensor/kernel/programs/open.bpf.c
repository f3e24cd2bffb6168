/* Files being opened. The path that counts is the opened file's, walked at the call's exit: whatever
 * the name in user memory says by then, and whatever link or descriptor led there, the file is what
 * was opened. The name as given comes along because a rule may be true of either. */

#define EV_O_CREAT 0100
#define EV_O_TMPFILE 020000000
/* creat(2) is open with O_CREAT | O_WRONLY | O_TRUNC. */
#define EV_CREAT_FLAGS 01101
/* FMODE_CREATED of include/linux/fs.h, unchanged since 4.19: this very call made the file. */
#define EV_FMODE_CREATED (1 << 20)

struct ev_open_how {
    u64 flags;
    u64 mode;
    u64 resolve;
};

/* A name that can't be read is no reason to keep quiet about the event: it is shipped without one. */
static __always_inline void ev_read_user_name(struct ev_workspace *w, u64 address)
{
    s64 length = ev_read_user_str(w->names.name, FALCON_PATH_CAP, (void *)address);
    if (length < 1) {
        w->facts.flags |= FALCON_FLAG_UNREADABLE;
        w->unsure = 1;
        length = 1;
    }
    w->names.name_length = length - 1;
}

/* What only few rules ask about: found out for the filter if one does, else when the event is wanted. */
static __always_inline void ev_judge_opened(struct ev_workspace *w)
{
    u32 layer = ev_layer(ev_inode_of(w->file));
    if (layer == EV_UPPER)
        w->facts.flags |= FALCON_FLAG_FD_UPPER_LAYER;
    if (layer == EV_LOWER)
        w->facts.flags |= FALCON_FLAG_FD_LOWER_LAYER;
    if (READ(u32, w->file, FALCON_FILE_MODE) & EV_FMODE_CREATED)
        w->facts.flags |= FALCON_FLAG_FD_CREATED;
}

static __always_inline void ev_find_opened(struct ev_workspace *w)
{
    w->names.path_length = 0;
    if (!w->file)
        return;
    ev_walk_file(w, w->file);
    ev_keep_walked(w);
#ifdef FALCON_FILTERS_ASK_FLAGS
    ev_judge_opened(w);
#endif
}

/* Where a relative name starts, for names that led to no file: a struct path, 0: unknown. */
static __always_inline u64 ev_base(struct ev_workspace *w)
{
    if (w->file || w->names.name[0] == '/')
        return 0;
    if (w->facts.dirfd == EV_AT_FDCWD)
        return ev_cwd(w->facts.task);
    u64 directory = ev_file_of(w->facts.task, w->facts.dirfd);
    return directory ? FIELD_ADDRESS(directory, FALCON_FILE_PATH) : 0;
}

/* Whether the sensor asks if we still see: `records/canary.py`. */
static __always_inline int ev_is_canary(const struct falcon_facts *f)
{
    return f->open_flags == FALCON_CANARY_FLAGS && ev_is_sensor(f->task);
}

/* Facts, name and file are in the workspace: what does the filter say? */
int ev_open(struct bpf_raw_tracepoint_args *ctx)
{
    u32 place;
    EV_PLACE(place);
    struct ev_workspace *w = ev_workspace_of(place);
    struct falcon_open_record *out = (struct falcon_open_record *)ev_buffer_of(place);
    if (!w || !out)
        return 0;
    struct falcon_facts *f = &w->facts;
    ev_find_opened(w);
    /* Opened, but by now closed by another thread, or not opened yet: the name alone proves nothing. */
    if (!w->file && (f->result >= 0 || !f->result_known))
        w->unsure = 1;
    int wanted = w->unsure || !ev_asks(place) || falcon_want_open(f, &w->names);
    if (ev_is_canary(f))
        f->flags |= FALCON_FLAG_CANARY;
    else if (!wanted || ev_is_sensor(f->task))
        return 0;
    else
        f->flags |= FALCON_FLAG_WANTED;
#ifndef FALCON_FILTERS_ASK_FLAGS
    if (w->file)
        ev_judge_opened(w);
#endif

    u64 inode = ev_inode_of(w->file);
    out->body.ino = inode ? READ(u64, inode, FALCON_INODE_INO) : 0;
    out->body.dev = inode ? ev_device(inode) : 0;
    out->body.open_flags = f->open_flags;
    out->body.mode = f->mode;
    out->body.dirfd = f->dirfd;
    ev_begin(w, FALCON_KIND_OPEN, FALCON_OPEN_BLOBS, FALCON_OPEN_SLOTS);
    ev_give_names(w, FALCON_OPEN_NAME, FALCON_OPEN_PATH);
    w->bases[0] = ev_base(w);
    ev_tails.call(ctx, place * EV_STAGES + FALCON_STAGE_FINISH);
    return 0;
}

/* The calls differ only in where their arguments stand. Gives the name's address. */
static __always_inline u64 ev_tell_open_arguments(struct ev_workspace *w)
{
    struct falcon_facts *f = &w->facts;
    struct ev_open_how how = {};
    u64 *given = w->arguments;
    u64 name = given[1];
    f->dirfd = given[0];
    f->open_flags = given[2];
    f->mode = given[3];
    switch (f->event) {
    case FALCON_EVENT_OPEN:
        name = given[0];
        f->dirfd = EV_AT_FDCWD;
        f->open_flags = given[1];
        f->mode = given[2];
        break;
    case FALCON_EVENT_CREAT:
        name = given[0];
        f->dirfd = EV_AT_FDCWD;
        f->open_flags = EV_CREAT_FLAGS;
        f->mode = given[1];
        break;
    case FALCON_EVENT_OPENAT2:
        if (ev_read_user(&how, sizeof(how), (void *)given[2]))
            w->unsure = 1; /* flags the filter would test */
        f->open_flags = how.flags;
        f->mode = how.mode;
        break;
    }
    if (!(f->open_flags & (EV_O_CREAT | EV_O_TMPFILE)))
        f->mode = 0; /* not an argument then, but what the register happened to hold */
    return name;
}

int ev_sys_open(struct bpf_raw_tracepoint_args *ctx)
{
    struct ev_workspace *w = ev_workspace_of(EV_AT_SYSCALL);
    if (!w)
        return 0;
    count(FALCON_KIND_OPEN, FALCON_COUNTER_SEEN, 1);
    u64 name = ev_tell_open_arguments(w);
    if (!w->unsure && !falcon_want_open_early(&w->facts) && !ev_is_canary(&w->facts))
        return 0;
    ev_read_user_name(w, name);
    w->file = ev_file_of(w->facts.task, w->facts.result);
    ev_tails.call(ctx, EV_AT_SYSCALL * EV_STAGES + FALCON_STAGE_OPEN);
    return 0;
}
