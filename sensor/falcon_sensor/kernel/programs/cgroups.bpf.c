/* Control groups of a task, and whether they look like a container's.
 *
 * A process that entered the host's mount namespace (`nsenter -t 1 -m`, the usual way out of a privileged
 * container) is still in its container's control group, and user space goes by that. So must the filter. */

#ifdef FALCON_V1_SUBSYSTEMS
/* The first of the controllers in version-1 hierarchies where the task is not in the root. */
static __always_inline u64 ev_v1_cgroup(u64 set)
{
    u64 found = 0;
#define EV_TRY(number)                                                            \
    if (!found) {                                                                 \
        u64 css = READ(u64, set, FALCON_CSS_SET_SUBSYS + (number) * sizeof(u64)); \
        u64 cgroup = READ(u64, css, FALCON_CSS_CGROUP);                           \
        if (READ(u64, READ(u64, cgroup, FALCON_CGROUP_KN), FALCON_KERNFS_PARENT)) \
            found = cgroup;                                                       \
    }
    FALCON_V1_SUBSYSTEMS(EV_TRY)
#undef EV_TRY
    return found;
}
#else
#define ev_v1_cgroup(set) 0
#endif

/* Hexadecimal digits of a container id: every runtime's group name is at least that long. */
#define EV_ID_LENGTH 64

/* Ids in the unified and in a version-1 hierarchy, 0: none. The kernel never gives one twice. */
struct ev_cgroup_ids {
    u64 unified;
    u64 v1;
};

/* Answers remembered: without them each question would walk. */
BPF_TABLE("lru_hash", struct ev_cgroup_ids, u64, ev_cgroups, 4096);

/* 1: a component of the path is long enough to hold a container's id. */
static __always_inline u64 ev_may_be_container(u64 node)
{
    char name[EV_ID_LENGTH + 8];
#pragma clang loop unroll(disable)
    for (u32 step = 0; step < FALCON_CGROUP_STEPS; step++) {
        u64 parent = node ? READ(u64, node, FALCON_KERNFS_PARENT) : 0;
        if (!parent)
            return 0;
        if (ev_read_kernel_str(name, sizeof(name), (void *)READ(u64, node, FALCON_KERNFS_NAME)) > EV_ID_LENGTH)
            return 1;
        node = parent;
    }
    return 1; /* deeper than we look: unknown */
}

static __always_inline u64 ev_in_container_cgroup(u64 task)
{
    u64 set = READ(u64, task, FALCON_TASK_CGROUPS);
    u64 unified = READ(u64, READ(u64, set, FALCON_CSS_SET_DEFAULT), FALCON_CGROUP_KN);
    u64 v1 = ev_v1_cgroup(set);
    v1 = v1 ? READ(u64, v1, FALCON_CGROUP_KN) : 0;
    struct ev_cgroup_ids key = {READ(u64, unified, FALCON_KERNFS_ID), v1 ? READ(u64, v1, FALCON_KERNFS_ID) : 0};
    u64 *known = ev_cgroups.lookup(&key);
    if (known)
        return *known;
    u64 answer = ev_may_be_container(unified) || ev_may_be_container(v1);
    ev_cgroups.update(&key, &answer);
    return answer;
}
