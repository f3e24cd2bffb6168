/* Programs being executed. A successful exec is shipped from sched_process_exec, when the new memory
 * map is in place: arguments and environment are read from where the kernel itself just wrote them,
 * the executable is the one that runs, whatever name led to it. */

struct ev_prepared {
    u32 event;
    u32 flags;
};

/* What the call was, noted before the kernel overwrites the registers; by struct linux_binprm. Only calls
 * that are not a plain 64-bit execve have an entry. An exec that dies half-way leaves its own behind. */
BPF_TABLE("lru_hash", u64, struct ev_prepared, ev_prepared_calls, 1024);

#define EV_DAC_OVERRIDE 1
#define EV_TMPFS 0x01021994
#define EV_HUGETLBFS 0x958458f6

/* May the task's user write this file, by owner, group, other, or CAP_DAC_OVERRIDE? */
static __always_inline int ev_writable(u64 task, u64 inode)
{
    u64 cred = ev_cred(task);
    u32 mode = READ(u16, inode, FALCON_INODE_MODE);
    if (READ(u64, cred, FALCON_CRED_EFFECTIVE) >> EV_DAC_OVERRIDE & 1)
        return 1;
    if (READ(u32, inode, FALCON_INODE_UID) == READ(u32, cred, FALCON_CRED_FSUID))
        return mode >> 7 & 1;
    if (READ(u32, inode, FALCON_INODE_GID) == READ(u32, cred, FALCON_CRED_FSGID))
        return mode >> 4 & 1;
    return mode >> 1 & 1;
}

static __always_inline int ev_is_memfd(u64 file, u64 inode)
{
    u64 magic = READ(u64, READ(u64, inode, FALCON_INODE_SB), FALCON_SB_MAGIC);
    if (magic != EV_TMPFS && magic != EV_HUGETLBFS)
        return 0;
    struct ev_dentry entry;
    ev_read_dentry(READ(u64, file, FALCON_FILE_PATH + FALCON_PATH_DENTRY), &entry);
    u64 start = READ(u64, entry.name, 0);
    return (start & 0xffffffffffffULL) == 0x3a64666d656dULL; /* "memfd:" */
}

static __always_inline void ev_judge_executable(struct falcon_facts *f, u64 file)
{
    u64 inode = ev_inode_of(file);
    if (!inode)
        return;
    u32 layer = ev_layer(inode);
    if (layer == EV_UPPER)
        f->flags |= FALCON_FLAG_EXE_UPPER_LAYER;
    if (layer == EV_LOWER)
        f->flags |= FALCON_FLAG_EXE_LOWER_LAYER;
    if (ev_is_memfd(file, inode))
        f->flags |= FALCON_FLAG_EXE_MEMFD;
    if (ev_writable(f->task, inode))
        f->flags |= FALCON_FLAG_EXE_WRITABLE;
}

/* Since 6.13 the change time's top bits are flags; nanoseconds need 30. */
static __always_inline u64 ev_nanoseconds(u64 seconds, u32 rest)
{
    return seconds * 1000000000ULL + (rest & 0x3fffffff);
}

static __always_inline void ev_fill_exec_body(u64 task, u64 file, struct falcon_exec_body *body)
{
    u64 cred = ev_cred(task);
    u64 inode = ev_inode_of(file);
    body->cap_inheritable = READ(u64, cred, FALCON_CRED_INHERITABLE);
    body->cap_permitted = READ(u64, cred, FALCON_CRED_PERMITTED);
    body->exe_ino = READ(u64, inode, FALCON_INODE_INO);
    body->exe_ctime = ev_nanoseconds(READ(u64, inode, FALCON_INODE_CTIME_SEC), READ(u32, inode, FALCON_INODE_CTIME_NSEC));
    body->exe_mtime = ev_nanoseconds(READ(u64, inode, FALCON_INODE_MTIME_SEC), READ(u32, inode, FALCON_INODE_MTIME_NSEC));
    body->exe_dev = ev_device(inode);
    body->pidns_level = READ(u32, READ(u64, task, FALCON_TASK_THREAD_PID), FALCON_PID_LEVEL);
}

static __always_inline void ev_give_memory(struct ev_workspace *w)
{
    u64 mm = READ(u64, w->facts.task, FALCON_TASK_MM);
    u64 start = READ(u64, mm, FALCON_MM_ARG_START);
    ev_give(w, FALCON_EXEC_ARGS, FALCON_ARGS_CAP, start, READ(u64, mm, FALCON_MM_ARG_END) - start, 1);
    start = READ(u64, mm, FALCON_MM_ENV_START);
    ev_give(w, FALCON_EXEC_ENV, FALCON_ENV_CAP, start, READ(u64, mm, FALCON_MM_ENV_END) - start, 1);
}

/* Before the point of no return: the registers still tell which call this is. */
int ev_prepare_exec(struct bpf_raw_tracepoint_args *ctx)
{
    u64 bprm = ctx->args[1];
    u64 task = bpf_get_current_task();
    u64 registers = (u64)bpf_task_pt_regs(bpf_get_current_task_btf());
    int compat = ev_is_compat(task);
    struct ev_prepared prepared = {.event = FALCON_EVENT_EXECVE};
    if (compat)
        prepared.flags = FALCON_FLAG_IA32;
    if (ev_exec_call(compat, ev_number_in(registers)) == FALCON_CALL_EXECVEAT)
        prepared.event = FALCON_EVENT_EXECVEAT;
    if (prepared.event != FALCON_EVENT_EXECVE || prepared.flags)
        ev_prepared_calls.update(&bprm, &prepared);
    return 0;
}

static __always_inline void ev_tell_call(struct falcon_facts *f, u64 bprm)
{
    f->event = FALCON_EVENT_EXECVE;
    struct ev_prepared *prepared = ev_prepared_calls.lookup(&bprm);
    if (prepared) {
        f->event = prepared->event;
        f->flags |= prepared->flags;
        ev_prepared_calls.delete(&bprm);
    } else if (FALCON_HAS(FALCON_BPRM_FDPATH) && READ(u64, bprm, FALCON_BPRM_FDPATH)) {
        /* Kernels before 6.10 have no sched_prepare_exec; a name made from a descriptor is execveat's. */
        f->event = FALCON_EVENT_EXECVEAT;
    }
}

int ev_exec(struct bpf_raw_tracepoint_args *ctx)
{
    u64 bprm = ctx->args[2];
    struct ev_workspace *w = ev_workspace_of(EV_AT_EXEC);
    char *record = ev_buffer_of(EV_AT_EXEC);
    if (!w || !record)
        return 0;
    count(FALCON_KIND_EXEC, FALCON_COUNTER_SEEN, 1);

    struct falcon_facts *f = &w->facts;
    u64 task = bpf_get_current_task();
    f->task = task;
    f->result = 0;
    f->result_known = 1;
    f->flags = 0;
    w->unsure = 0;
    ev_tell_call(f, bprm);
    u64 file = READ(u64, READ(u64, task, FALCON_TASK_MM), FALCON_MM_EXE);
    ev_judge_executable(f, file);
    s64 length = ev_read_kernel_str(w->names.name, FALCON_PATH_CAP, (void *)READ(u64, bprm, FALCON_BPRM_FILENAME));
    w->names.name_length = length > 0 ? length - 1 : 0;
    if (length <= 0)
        w->unsure = 1;
    ev_walk_file(w, file);
    ev_keep_walked(w);
    if (falcon_want_exec_early(f) && (w->unsure || falcon_want_exec(f, &w->names)))
        f->flags |= FALCON_FLAG_WANTED;

    struct falcon_exec_record *out = (struct falcon_exec_record *)record;
    ev_fill_exec_body(task, file, &out->body);
    ev_begin(w, FALCON_KIND_EXEC, FALCON_EXEC_BLOBS, FALCON_EXEC_SLOTS);
    ev_give_names(w, FALCON_EXEC_FILENAME, FALCON_EXEC_EXE);
    ev_give_memory(w);
    w->bases[0] = ev_cwd(task);
    ev_tails.call(ctx, EV_AT_EXEC * EV_STAGES + FALCON_STAGE_FINISH);
    return 0;
}
