/* Execs that failed, only attached when a rule could be true of one. The process goes on as it was, so
 * everything but the name and the arguments as given describes the caller. */

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
    s64 length = ev_read_user_str(w->names.name, FALCON_PATH_CAP, (void *)name);
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
    ev_fill_exec_body(f->task, file, &out->body);
    ev_begin(w, FALCON_KIND_EXEC, FALCON_EXEC_BLOBS, FALCON_EXEC_SLOTS);
    ev_give_names(w, FALCON_EXEC_FILENAME, FALCON_EXEC_EXE);
    w->argv = argv;
    w->bases[0] = ev_cwd(f->task);
    ev_tails.call(ctx, EV_AT_SYSCALL * EV_STAGES + FALCON_STAGE_FINISH);
    return 0;
}
