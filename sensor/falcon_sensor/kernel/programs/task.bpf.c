/* Questions about a task: also the accessors that generated filters call. */

static __always_inline u64 ev_leader(u64 task)
{
    return READ(u64, task, FALCON_TASK_GROUP_LEADER);
}

static __always_inline u64 ev_parent_of_leader(u64 leader)
{
    u64 parent = ev_leader(READ(u64, leader, FALCON_TASK_REAL_PARENT));
    /* pid 0, the idle task, is init's and kthreadd's parent and nobody's process. */
    return READ(u32, parent, FALCON_TASK_TGID) ? parent : 0;
}

static __always_inline u64 falcon_parent(u64 task)
{
    return ev_parent_of_leader(ev_leader(task));
}

static __always_inline void falcon_task_comm(u64 task, u64 words[2])
{
    words[0] = 0;
    words[1] = 0;
    if (task)
        ev_read_kernel(words, 16, (void *)FIELD_ADDRESS(ev_leader(task), FALCON_TASK_COMM));
}

static __always_inline void falcon_comm(const struct falcon_facts *f, u64 words[2])
{
    falcon_task_comm(f->task, words);
}

static __always_inline u64 ev_mnt_ns(u64 task)
{
    u64 namespaces = READ(u64, task, FALCON_TASK_NSPROXY);
    return READ(u32, READ(u64, namespaces, FALCON_NSPROXY_MNT_NS), FALCON_MNT_NS_INUM);
}

static __always_inline u64 ev_net_ns(u64 task)
{
    u64 namespaces = READ(u64, task, FALCON_TASK_NSPROXY);
    return READ(u32, READ(u64, namespaces, FALCON_NSPROXY_NET_NS), FALCON_NET_NS_INUM);
}

/* Init's namespaces, mount and network; the sensor's process id and the namespace that gave it. */
BPF_ARRAY(ev_host, u64, 4);

#define EV_PARENTS_MOST 64

/* Run once by the loader, before anything is attached: climbs from the loader to init. /proc would say it
 * too, but not to every root, and not from inside a pid namespace. */
int ev_find_host(struct bpf_raw_tracepoint_args *ctx)
{
    u32 zero = 0;
    u32 one = 1;
    u64 task = ev_leader(bpf_get_current_task());
#pragma clang loop unroll(disable)
    for (u32 level = 0; level < EV_PARENTS_MOST; level++) {
        if (READ(u32, task, FALCON_TASK_TGID) == 1)
            break;
        task = ev_leader(READ(u64, task, FALCON_TASK_REAL_PARENT));
    }
    u64 namespace = ev_mnt_ns(task);
    ev_host.update(&zero, &namespace);
    namespace = ev_net_ns(task);
    ev_host.update(&one, &namespace);
    return 0;
}

static __always_inline u64 ev_host_fact(u32 which)
{
    u64 *value = ev_host.lookup(&which);
    return value ? *value : 0;
}

static __always_inline u64 ev_host_mnt_ns(void)
{
    return ev_host_fact(0);
}

static __always_inline u64 falcon_container(const struct falcon_facts *f)
{
    return ev_mnt_ns(f->task) != ev_host_mnt_ns() || ev_in_container_cgroup(f->task);
}

static __always_inline u64 ev_cred(u64 task)
{
    return READ(u64, task, FALCON_TASK_CRED);
}

static __always_inline u64 falcon_uid(const struct falcon_facts *f)
{
    return READ(u32, ev_cred(f->task), FALCON_CRED_EUID);
}

static __always_inline u64 falcon_gid(const struct falcon_facts *f)
{
    return READ(u32, ev_cred(f->task), FALCON_CRED_EGID);
}

static __always_inline u64 falcon_caps_effective(const struct falcon_facts *f)
{
    return READ(u64, ev_cred(f->task), FALCON_CRED_EFFECTIVE);
}

static __always_inline u64 falcon_caps_permitted(const struct falcon_facts *f)
{
    return READ(u64, ev_cred(f->task), FALCON_CRED_PERMITTED);
}

static __always_inline u64 falcon_caps_inheritable(const struct falcon_facts *f)
{
    return READ(u64, ev_cred(f->task), FALCON_CRED_INHERITABLE);
}

static __always_inline u64 falcon_has_tty(const struct falcon_facts *f)
{
    return READ(u64, READ(u64, f->task, FALCON_TASK_SIGNAL), FALCON_SIGNAL_TTY) != 0;
}

static __always_inline u64 falcon_pid(const struct falcon_facts *f)
{
    return READ(u32, f->task, FALCON_TASK_TGID);
}

/* Where a struct pid has what it is at a nesting level of pid namespaces that it has. */
static __always_inline u64 ev_upid(u64 pid, u32 level)
{
    return pid + FALCON_PID_NUMBERS + (u64)level * FALCON_UPID_SIZE;
}

/* A struct pid's number at a nesting level of pid namespaces; 0 when it has none there. */
static __always_inline u32 ev_number(u64 pid, u32 level)
{
    if (!pid || level > READ(u32, pid, FALCON_PID_LEVEL))
        return 0;
    return READ(u32, ev_upid(pid, level), FALCON_UPID_NR);
}

static __always_inline u32 ev_own_number(u64 task)
{
    u64 pid = READ(u64, task, FALCON_TASK_THREAD_PID);
    return pid ? READ(u32, ev_upid(pid, READ(u32, pid, FALCON_PID_LEVEL)), FALCON_UPID_NR) : 0;
}

static __always_inline u64 falcon_vpid(const struct falcon_facts *f)
{
    return ev_own_number(ev_leader(f->task));
}

/* Device number of the controlling terminal in new_encode_dev's form, 0: none. */
static __always_inline u32 ev_tty(u64 signal)
{
    u64 tty = READ(u64, signal, FALCON_SIGNAL_TTY);
    if (!tty)
        return 0;
    u64 driver = READ(u64, tty, FALCON_TTY_DRIVER);
    u32 major = READ(u32, driver, FALCON_TTY_DRIVER_MAJOR);
    u32 minor = READ(u32, driver, FALCON_TTY_DRIVER_MINOR) + READ(u32, tty, FALCON_TTY_INDEX);
    return (minor & 0xff) | (major << 8) | ((minor & ~0xffU) << 12);
}

/* The sensor's own acts would feed back: an alert's delivery would be the next event. Exactly the
 * sensor's own process is left out, by its pid in its own pid namespace; its children are not, and
 * no other process can be given this pair while the sensor (and with it this program) lives. */
static __always_inline int ev_is_sensor(u64 task)
{
    u64 pid = READ(u64, ev_leader(task), FALCON_TASK_THREAD_PID);
    u32 level = READ(u32, pid, FALCON_PID_LEVEL);
    if (ev_number(pid, level) != ev_host_fact(FALCON_HOST_SENSOR_PID))
        return 0;
    return READ(u32, READ(u64, ev_upid(pid, level), FALCON_UPID_NS), FALCON_PIDNS_INUM) == ev_host_fact(FALCON_HOST_SENSOR_PIDNS);
}

static __always_inline void ev_fill_ancestors(u64 task, struct falcon_head *head, struct falcon_ancestor *ancestors)
{
    u32 filled = 0;
    task = ev_leader(task);
#pragma clang loop unroll(disable)
    for (u32 level = 0; level < FALCON_ANCESTORS; level++) {
        task = ev_parent_of_leader(task);
        if (!task)
            break;
        struct falcon_ancestor *ancestor = &ancestors[level];
        ancestor->start = READ(u64, task, FALCON_TASK_START);
        ancestor->pid = READ(u32, task, FALCON_TASK_TGID);
        ancestor->vpid = ev_own_number(task);
        ev_read_kernel(ancestor->comm, 16, (void *)FIELD_ADDRESS(task, FALCON_TASK_COMM));
        filled = level + 1;
    }
    head->ancestors = filled;
    if (filled == FALCON_ANCESTORS && ev_parent_of_leader(task))
        head->flags |= FALCON_FLAG_MANY_ANCESTORS;
}

static __always_inline void ev_fill_head(const struct falcon_facts *f, u32 kind, struct falcon_head *head,
                                         struct falcon_ancestor *ancestors)
{
    u64 task = f->task;
    u64 leader = ev_leader(task);
    u64 signal = READ(u64, task, FALCON_TASK_SIGNAL);
    u64 cred = ev_cred(task);
    u64 pid = READ(u64, task, FALCON_TASK_THREAD_PID);
    u32 level = READ(u32, pid, FALCON_PID_LEVEL);
    u64 group = READ(u64, signal, FALCON_SIGNAL_PIDS + 2 * sizeof(u64));   /* PIDTYPE_PGID */
    u64 session = READ(u64, signal, FALCON_SIGNAL_PIDS + 3 * sizeof(u64)); /* PIDTYPE_SID */

    head->kind = kind;
    head->event = f->event;
    head->flags = f->flags;
    head->time = bpf_ktime_get_boot_ns();
    head->result = f->result;
    head->start = READ(u64, leader, FALCON_TASK_START);
    head->cap_effective = READ(u64, cred, FALCON_CRED_EFFECTIVE);
    head->mnt_ns = ev_mnt_ns(task);
    if (head->mnt_ns != ev_host_mnt_ns())
        head->flags |= FALCON_FLAG_CONTAINER;
    head->pid = READ(u32, task, FALCON_TASK_TGID);
    head->tid = READ(u32, task, FALCON_TASK_PID);
    head->vpid = ev_number(READ(u64, leader, FALCON_TASK_THREAD_PID), level);
    head->vtid = ev_number(pid, level);
    head->pgid = ev_number(group, 0);
    head->vpgid = ev_number(group, level);
    head->sid = ev_number(session, 0);
    head->vsid = ev_number(session, level);
    head->uid = READ(u32, cred, FALCON_CRED_EUID);
    head->gid = READ(u32, cred, FALCON_CRED_EGID);
    head->loginuid = FALCON_HAS(FALCON_TASK_LOGINUID) ? READ(u32, task, FALCON_TASK_LOGINUID) : 0xffffffff;
    head->tty = ev_tty(signal);
    head->reserved = 0;
    head->image = READ(u64, READ(u64, task, FALCON_TASK_MM), FALCON_MM_EXE);
    head->net_ns = ev_net_ns(task);
    ev_read_kernel(head->comm, 16, (void *)FIELD_ADDRESS(leader, FALCON_TASK_COMM));
    ev_fill_ancestors(task, head, ancestors);
}
