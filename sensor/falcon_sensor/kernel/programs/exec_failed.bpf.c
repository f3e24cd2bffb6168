/* Execs that failed, only attached when a rule could be true of one. The process goes on as it was, so
 * everything but the name and the arguments as given describes the caller. */

#define EV_FAILED_ARGS 20

/* argv is an array of pointers in user memory, 4 bytes each for 32-bit callers. */
static __always_inline u64 ev_read_pointer(u64 array, u32 index, int compat)
{
    u64 pointer = 0;
    u32 narrow = 0;
    if (!compat) {
        bpf_probe_read_user(&pointer, sizeof(pointer), (void *)(array + index * 8ULL));
        return pointer;
    }
    bpf_probe_read_user(&narrow, sizeof(narrow), (void *)(array + index * 4ULL));
    return narrow;
}

static __always_inline void ev_append_given_args(struct ev_workspace *w, char *record, u16 *lengths, u64 array)
{
    int compat = w->facts.flags & FALCON_FLAG_IA32;
    u64 start = w->at;
    lengths[FALCON_EXEC_ARGS] = 0;
#pragma clang loop unroll(disable)
    for (u32 index = 0; index < EV_FAILED_ARGS; index++) {
        u64 pointer = ev_read_pointer(array, index, compat);
        u64 at = w->at;
        if (!pointer || at - start > FALCON_ARGS_CAP - FALCON_PATH_CAP)
            break;
        BOUND(at, FALCON_BUFFER - FALCON_PATH_CAP);
        s64 length = bpf_probe_read_user_str(record + at, FALCON_PATH_CAP, (void *)pointer);
        if (length < 0) {
            w->facts.flags |= FALCON_FLAG_UNREADABLE;
            break;
        }
        w->at = at + length;
    }
    lengths[FALCON_EXEC_ARGS] = w->at - start;
}

int ev_sys_exec(struct bpf_raw_tracepoint_args *ctx)
{
    struct ev_workspace *w = ev_workspace_of(EV_AT_SYSCALL);
    char *record = ev_buffer_of(EV_AT_SYSCALL);
    if (!w || !record || w->facts.result == 0)
        return 0; /* a success has been shipped from sched_process_exec */
    struct falcon_facts *f = &w->facts;
    count(FALCON_KIND_EXEC, FALCON_COUNTER_SEEN, 1);
    if (!falcon_want_exec_early(f))
        return 0;
    u32 first = f->event == FALCON_EVENT_EXECVEAT;
    u64 name = first ? w->arguments[1] : w->arguments[0];
    u64 argv = first ? w->arguments[2] : w->arguments[1];
    s64 length = bpf_probe_read_user_str(w->names.name, FALCON_PATH_CAP, (void *)name);
    if (length < 1) {
        f->flags |= FALCON_FLAG_UNREADABLE;
        w->unsure = 1;
        length = 1;
    }
    w->names.name_length = length - 1;
    u64 file = READ(u64, READ(u64, f->task, FALCON_TASK_MM), FALCON_MM_EXE);
    ev_judge_executable(f, file);
    ev_walk_file(w, file);
    ev_keep_walked(w);
    if (!w->unsure && !falcon_want_exec(f, &w->names))
        return 0;
    f->flags |= FALCON_FLAG_WANTED;

    struct falcon_exec_record *out = (struct falcon_exec_record *)record;
    ev_fill_head(f, FALCON_KIND_EXEC, &out->head, out->ancestors);
    ev_fill_exec_body(f->task, file, &out->body);
    w->at = FALCON_EXEC_BLOBS;
    ev_append_cgroups(w, record, out->lengths);
    ev_append_names(w, record, out->lengths, FALCON_EXEC_FILENAME, FALCON_EXEC_EXE);
    ev_append_cwd(w, record, out->lengths, FALCON_EXEC_CWD);
    ev_append_given_args(w, record, out->lengths, argv);
    out->lengths[FALCON_EXEC_ENV] = 0;
    ev_ship(w, record, FALCON_KIND_EXEC);
    return 0;
}
