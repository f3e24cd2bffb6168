/* From descriptors to files, and what a file is made of. */

#define EV_AT_FDCWD (-100)

_Static_assert(FALCON_FDT_MAX <= 12 && FALCON_FDT_FD <= 8, "struct fdtable");

static __always_inline u64 ev_file_of(u64 task, s64 fd)
{
    if (fd < 0)
        return 0;
    u64 table = READ(u64, READ(u64, task, FALCON_TASK_FILES), FALCON_FILES_FDT);
    /* Limit and array are the first two members: one read gets both. */
    char head[16];
    ev_read_kernel(head, sizeof(head), (void *)table);
    if (fd >= *(u32 *)&head[FALCON_FDT_MAX])
        return 0;
    return READ(u64, *(u64 *)&head[FALCON_FDT_FD], fd * sizeof(u64));
}

static __always_inline u64 ev_inode_of(u64 file)
{
    return file ? READ(u64, file, FALCON_FILE_INODE) : 0;
}

static __always_inline void ev_walk_file(struct ev_workspace *w, u64 file)
{
    ev_walk_path(w, FIELD_ADDRESS(file, FALCON_FILE_PATH), ev_inode_of(file));
}

/* The walked path becomes what the filter sees as `path`. */
static __always_inline void ev_keep_walked(struct ev_workspace *w)
{
    u64 at = w->walked & (FALCON_PATH_CAP - 1);
    u64 length = FALCON_PATH_CAP - at;
    w->names.path_length = length;
    BOUND(length, FALCON_PATH_CAP);
    ev_read_kernel(w->names.path, length, &w->walk[at]);
}

/* Where the process is: a struct path. */
static __always_inline u64 ev_cwd(u64 task)
{
    return FIELD_ADDRESS(READ(u64, task, FALCON_TASK_FS), FALCON_FS_PWD);
}

/* In new_encode_dev's form, as stat(2) gives it; the kernel itself keeps 12 bits of major over 20 of minor. */
static __always_inline u32 ev_device(u64 inode)
{
    u32 device = READ(u32, READ(u64, inode, FALCON_INODE_SB), FALCON_SB_DEV);
    u32 minor = device & 0xfffff;
    return (minor & 0xff) | (device >> 20 << 8) | ((minor & ~0xffU) << 12);
}

#define EV_OVERLAYFS 0x794c7630
enum { EV_NO_OVERLAY, EV_UPPER, EV_LOWER };

/* A file of an overlay lies on the upper layer once it has a dentry there. */
static __always_inline u32 ev_layer(u64 inode)
{
    if (READ(u64, READ(u64, inode, FALCON_INODE_SB), FALCON_SB_MAGIC) != EV_OVERLAYFS)
        return EV_NO_OVERLAY;
    return READ(u64, inode, FALCON_OVL_UPPER) ? EV_UPPER : EV_LOWER;
}
