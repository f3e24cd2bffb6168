/* Paths put together from dentries: always what the process itself would call the file.
 *
 * The walk climbs from the file's dentry over mount points up to the task's own root, writing each
 * component in front of the last:
 *
 *     walk: [ ........................ /etc/ssl/private ]
 *                                      ^ walked         ^ FALCON_PATH_CAP
 *
 * What the loops carry along (`walked`, `written`, `whole`) lives in the workspace and not in variables:
 * the verifier knows nothing about a value read from there, so the two branches of a step end in the
 * same state. Otherwise it would follow each combination of branches, 2^40 of them.
 */

/* d_parent and d_name lie within a few words of each other: one read gets both. */
#define EV_DENTRY_FIRST (FALCON_DENTRY_PARENT < FALCON_DENTRY_LENGTH ? FALCON_DENTRY_PARENT : FALCON_DENTRY_LENGTH)

struct ev_dentry {
    u64 parent;
    u64 name;
    u32 length;
};

/* A struct path is two pointers: one read gets both. */
struct ev_path {
    u64 dentry;
    u64 mnt;
};

_Static_assert(FALCON_PATH_DENTRY + FALCON_PATH_MNT == 8, "struct path");

static __always_inline struct ev_path ev_read_path(u64 address)
{
    u64 pointers[2];
    ev_read_kernel(pointers, sizeof(pointers), (void *)address);
    return (struct ev_path){pointers[FALCON_PATH_DENTRY / 8], pointers[FALCON_PATH_MNT / 8]};
}

static __always_inline void ev_read_dentry(u64 dentry, struct ev_dentry *out)
{
    char chunk[FALCON_DENTRY_SPAN];
    ev_read_kernel(chunk, sizeof(chunk), (void *)FIELD_ADDRESS(dentry, EV_DENTRY_FIRST));
    out->parent = *(u64 *)&chunk[FALCON_DENTRY_PARENT - EV_DENTRY_FIRST];
    out->name = *(u64 *)&chunk[FALCON_DENTRY_NAME - EV_DENTRY_FIRST];
    out->length = *(u32 *)&chunk[FALCON_DENTRY_LENGTH - EV_DENTRY_FIRST];
}

/* Puts `length` bytes from `name` in front of what is there, with a slash before them. */
static __always_inline void ev_prepend(struct ev_workspace *w, u64 name, u64 length)
{
    length &= FALCON_NAME_MAX - 1;
    u64 at = (w->walked - length) & (FALCON_PATH_CAP - 1);
    asm volatile("" : "+r"(length));
    length &= FALCON_NAME_MAX - 1;
    ev_read_kernel(&w->walk[at], length, (void *)name);
    at = (at - 1) & (FALCON_PATH_CAP - 1);
    w->walk[at] = '/';
    w->walked = at;
}

/* Whether a component of this length would still fit. */
static __always_inline int ev_make_room(struct ev_workspace *w, u64 length, u64 cap)
{
    w->written += (length & (FALCON_NAME_MAX - 1)) + 1;
    return w->written < cap;
}

/* A file system without names (pipes, namespaces): `pipefs:[4711]`. */
static __always_inline void ev_nameless(struct ev_workspace *w, u64 inode)
{
    u64 number = READ(u64, inode, FALCON_INODE_INO);
    u64 at = FALCON_PATH_CAP - 1;
    w->walk[at] = ']';
#pragma clang loop unroll(disable)
    for (u32 digit = 0; digit < 20; digit++) {
        at = (at - 1) & (FALCON_PATH_CAP - 1);
        w->walk[at] = '0' + number % 10;
        number /= 10;
        if (!number)
            break;
    }
    at = (at - 1) & (FALCON_PATH_CAP - 1);
    w->walk[at] = '[';
    at = (at - 1) & (FALCON_PATH_CAP - 1);
    w->walk[at] = ':';
    u64 type = READ(u64, READ(u64, inode, FALCON_INODE_SB), FALCON_SB_TYPE);
    char name[16] = {};
    s64 length = ev_read_kernel_str(name, sizeof(name), (void *)READ(u64, type, FALCON_FS_TYPE_NAME));
    u64 size = length > 1 ? length - 1 : 0;
    size &= 15;
    at = (at - size) & (FALCON_PATH_CAP - 1);
    ev_read_kernel(&w->walk[at], size, name);
    w->walked = at;
}

/* Where a walk ends without a component: at a root, or in a mount of the kernel's own. */
static __always_inline void ev_rootless(struct ev_workspace *w, u64 dentry, u64 inode)
{
    struct ev_dentry end;
    ev_read_dentry(dentry, &end);
    u64 length = end.length & (FALCON_NAME_MAX - 1);
    if (!length && inode) {
        ev_nameless(w, inode);
        return;
    }
    u64 at = FALCON_PATH_CAP - length; /* `/` itself, `memfd:name`, `[eventfd]` */
    at &= FALCON_PATH_CAP - 1;
    asm volatile("" : "+r"(length));
    length &= FALCON_NAME_MAX - 1;
    ev_read_kernel(&w->walk[at], length, (void *)end.name);
    w->walked = at;
}

static __always_inline void ev_slash(struct ev_workspace *w)
{
    w->walk[FALCON_PATH_CAP - 1] = '/';
    w->walked = FALCON_PATH_CAP - 1;
}

/* Walks the `struct path` at this address; `w->walked` tells where the result begins.
 * inode: of the file, for file systems without names; 0 for directories. */
static __always_inline void ev_walk_path(struct ev_workspace *w, u64 path, u64 inode)
{
    u64 fs = READ(u64, w->facts.task, FALCON_TASK_FS);
    struct ev_path root = ev_read_path(FIELD_ADDRESS(fs, FALCON_FS_ROOT));
    struct ev_path start = ev_read_path(path);
    u64 root_dentry = root.dentry;
    u64 root_mnt = root.mnt;
    u64 dentry = start.dentry;
    u64 mnt = start.mnt;
    u64 mnt_root = READ(u64, mnt, FALCON_VFSMOUNT_ROOT);
    w->walked = FALCON_PATH_CAP;
    w->written = 0;
    w->whole = 0;

#pragma clang loop unroll(disable)
    for (u32 step = 0; step < FALCON_WALK_STEPS; step++) {
        if (dentry == root_dentry && mnt == root_mnt) {
            w->whole = 1;
            break;
        }
        struct ev_dentry component;
        ev_read_dentry(dentry, &component);
        if (dentry == mnt_root || component.parent == dentry) {
            u64 mount = mnt - FALCON_MOUNT_MNT;
            u64 parent = READ(u64, mount, FALCON_MOUNT_PARENT);
            if (parent == mount || !parent) {
                w->whole = 1;
                break;
            }
            dentry = READ(u64, mount, FALCON_MOUNT_MOUNTPOINT);
            mnt = parent + FALCON_MOUNT_MNT;
            mnt_root = READ(u64, mnt, FALCON_VFSMOUNT_ROOT);
        } else {
            if (!ev_make_room(w, component.length, FALCON_PATH_CAP))
                break;
            ev_prepend(w, component.name, component.length);
            dentry = component.parent;
        }
    }
    if (!w->whole) {
        w->facts.flags |= FALCON_FLAG_TRUNCATED;
        w->unsure = 1;
    }
    if (w->walked == FALCON_PATH_CAP) {
        if (dentry == root_dentry && mnt == root_mnt)
            ev_slash(w); /* the root of a chroot has a name of its own elsewhere */
        else
            ev_rootless(w, dentry, inode);
    }
}

/* A control group's path from its hierarchy's root; the same buffer, the nearest components win. */
static __always_inline void ev_walk_cgroup(struct ev_workspace *w, u64 cgroup)
{
    u64 node = READ(u64, cgroup, FALCON_CGROUP_KN);
    w->walked = FALCON_PATH_CAP;
    w->written = 0;
#pragma clang loop unroll(disable)
    for (u32 step = 0; step < FALCON_CGROUP_STEPS; step++) {
        u64 parent = READ(u64, node, FALCON_KERNFS_PARENT);
        if (!parent)
            break;
        u64 name = READ(u64, node, FALCON_KERNFS_NAME);
        s64 length = ev_read_kernel_str(w->component, FALCON_NAME_MAX, (void *)name);
        u64 size = length > 1 ? length - 1 : 0;
        if (!ev_make_room(w, size, FALCON_CGROUP_CAP))
            break;
        ev_prepend(w, (u64)w->component, size);
        node = parent;
    }
    if (w->walked == FALCON_PATH_CAP)
        ev_slash(w);
}
