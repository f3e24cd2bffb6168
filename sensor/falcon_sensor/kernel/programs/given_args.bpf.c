/* The arguments of an exec that failed are still where the caller has them. */

#define EV_FAILED_ARGS 20

/* argv is an array of pointers in user memory, 4 bytes each for 32-bit callers. */
static __always_inline u64 ev_read_pointer(u64 array, u32 index, int compat)
{
    u64 pointer = 0;
    u32 narrow = 0;
    if (!compat) {
        ev_read_user(&pointer, sizeof(pointer), (void *)(array + index * 8ULL));
        return pointer;
    }
    ev_read_user(&narrow, sizeof(narrow), (void *)(array + index * 4ULL));
    return narrow;
}

static __always_inline void ev_append_given_args(struct ev_workspace *w, char *record)
{
    int compat = w->facts.flags & FALCON_FLAG_IA32;
    u64 start = w->at;
#pragma clang loop unroll(disable)
    for (u32 index = 0; index < EV_FAILED_ARGS; index++) {
        u64 pointer = ev_read_pointer(w->argv, index, compat);
        u64 at = w->at;
        if (!pointer || at - start > FALCON_ARGS_CAP - FALCON_PATH_CAP)
            break;
        BOUND(at, FALCON_BUFFER - FALCON_PATH_CAP);
        s64 length = ev_read_user_str(record + at, FALCON_PATH_CAP, (void *)pointer);
        if (length < 0) {
            w->facts.flags |= FALCON_FLAG_UNREADABLE;
            break;
        }
        w->at += length;
    }
    ev_set_length(w, record, FALCON_EXEC_ARGS, w->at - start);
}
