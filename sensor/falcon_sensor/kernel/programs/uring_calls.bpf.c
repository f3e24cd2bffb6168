/* io_uring's submissions of what `records/calls.py` lists: the registers that the same system call would have had. */

#if defined(FALCON_URING_NAMES) || defined(FALCON_URING_DESCRIPTOR)
/* The registers that the same system call would have had; unlike there, none has bits too many. */
static __always_inline void ev_take_registers(struct ev_workspace *w, u64 otherwise)
{
#pragma unroll
    for (u32 i = 0; i < 6; i++)
        w->arguments[i] = w->facts.arguments[i];
    w->arguments[EV_DEFAULT] = otherwise;
    w->arguments[EV_NOWHERE] = 0;
}
#endif

#ifdef FALCON_URING_NAMES
static __always_inline u64 ev_read_kernel_name(struct ev_workspace *w, char *to, u64 filename)
{
    u64 name = READ(u64, filename, FALCON_FILENAME_NAME);
    s64 length = ev_read_kernel_str(to, FALCON_PATH_CAP, (void *)name);
    if (length >= 1)
        return length - 1;
    w->facts.flags |= FALCON_FLAG_UNREADABLE;
    w->unsure = 1;
    to[0] = 0;
    return 0;
}

static __always_inline u32 ev_submit_names(struct ev_workspace *w, u64 request)
{
    struct falcon_facts *f = &w->facts;
    s64 *given = f->arguments;
    u64 first = 0, second = 0;
    switch (f->event) {
    case FALCON_EVENT_RENAMEAT2:
        given[0] = READ(s32, request, FALCON_RENAME_OLD_DFD);
        given[2] = READ(s32, request, FALCON_RENAME_NEW_DFD);
        given[4] = READ(u32, request, FALCON_RENAME_FLAGS);
        first = READ(u64, request, FALCON_RENAME_OLD);
        second = READ(u64, request, FALCON_RENAME_NEW);
        break;
    case FALCON_EVENT_LINKAT:
        given[0] = READ(s32, request, FALCON_LINK_OLD_DFD);
        given[2] = READ(s32, request, FALCON_LINK_NEW_DFD);
        given[4] = READ(u32, request, FALCON_LINK_FLAGS);
        first = READ(u64, request, FALCON_LINK_OLD);
        second = READ(u64, request, FALCON_LINK_NEW);
        break;
    case FALCON_EVENT_SYMLINKAT:
        given[1] = READ(s32, request, FALCON_LINK_NEW_DFD);
        first = READ(u64, request, FALCON_LINK_OLD);
        second = READ(u64, request, FALCON_LINK_NEW);
        break;
    case FALCON_EVENT_UNLINKAT:
        given[0] = READ(s32, request, FALCON_UNLINK_DFD);
        given[2] = READ(u32, request, FALCON_UNLINK_FLAGS);
        first = READ(u64, request, FALCON_UNLINK_NAME);
        break;
    case FALCON_EVENT_MKDIRAT:
        given[0] = READ(s32, request, FALCON_MKDIR_DFD);
        given[2] = READ(u16, request, FALCON_MKDIR_MODE);
        first = READ(u64, request, FALCON_MKDIR_NAME);
        break;
    }
    count(FALCON_KIND_NAMES, FALCON_COUNTER_SEEN, 1);
    if (!falcon_want_names_early(f))
        return 0;
    w->names.name_length = ev_read_kernel_name(w, w->names.name, first);
    w->names.path_length = 0;
    if (second)
        w->names.path_length = ev_read_kernel_name(w, w->names.path, second);
    if (ev_hold(w, FALCON_KIND_NAMES, request, 0))
        return 0;
    ev_take_registers(w, EV_AT_FDCWD);
    return FALCON_STAGE_NAMES;
}
#endif

#ifdef FALCON_URING_DESCRIPTOR
static __always_inline int ev_makes_descriptor(u32 event)
{
    return event == FALCON_EVENT_SOCKET || event == FALCON_EVENT_ACCEPT4;
}

/* Rings have the width of pointers of whoever made them, whoever submits. */
static __always_inline int ev_is_narrow_ring(u64 ring)
{
#if FALCON_CONTEXT_COMPAT_BIT >= 0
    return READ(u8, ring, FALCON_CONTEXT_COMPAT_BIT / 8) >> FALCON_CONTEXT_COMPAT_BIT % 8 & 1;
#else
    return 0;
#endif
}

/* Where a datagram goes, from the caller's memory. Where there, stands in the registers that the same system call
 * would have had. */
static __always_inline void ev_read_callers_address(struct ev_workspace *w, u64 ring)
{
    struct falcon_facts *f = &w->facts;
    struct ev_message given = {.address = f->arguments[4], .length = f->arguments[5]};
    if (f->event == FALCON_EVENT_SENDMSG && ev_read_message(f->arguments[1], ev_is_narrow_ring(ring), &given)) {
        f->flags |= FALCON_FLAG_UNREADABLE;
        w->unsure = 1;
        return;
    }
    if (given.address && given.length)
        ev_take_address(w, given.address, given.length, 1);
}

/* Since 6.10 the kernel has copied it by the time a request is submitted. */
static __always_inline void ev_read_request_address(struct ev_workspace *w, u64 request)
{
    struct falcon_facts *f = &w->facts;
    u64 copy = 0;
    ev_forget_address(w);
    if (FALCON_HAS(FALCON_REQ_ASYNC) && FALCON_HAS(FALCON_ASYNC_ADDRESS))
        copy = READ(u64, request, FALCON_REQ_ASYNC);
    if (copy) {
        u64 address = READ(u64, copy, FALCON_ASYNC_ADDRESS);
        u32 length = READ(u32, copy, FALCON_ASYNC_ADDRESS_LENGTH);
        if (address && length)
            ev_take_address(w, address, length, 0);
        return;
    }
    if (f->event == FALCON_EVENT_SENDMSG && FALCON_HAS(FALCON_SEND_MESSAGE)) {
        f->arguments[1] = READ(u64, request, FALCON_SEND_MESSAGE);
    } else if (FALCON_HAS(FALCON_SEND_ADDRESS) && FALCON_HAS(FALCON_SEND_ADDRESS_LENGTH)) {
        f->arguments[4] = READ(u64, request, FALCON_SEND_ADDRESS);
        f->arguments[5] = READ(u16, request, FALCON_SEND_ADDRESS_LENGTH);
    }
    ev_read_callers_address(w, READ(u64, request, FALCON_REQ_CONTEXT));
}

/* At submission such memory may not have been there to be read. Now it is: the kernel itself has read it. */
static __always_inline void ev_read_missed_address(struct ev_workspace *w, u64 ring)
{
    struct falcon_facts *f = &w->facts;
    if ((f->event != FALCON_EVENT_SENDTO && f->event != FALCON_EVENT_SENDMSG) ||
        !(f->flags & FALCON_FLAG_UNREADABLE) || !(f->arguments[1] | f->arguments[4]))
        return;
    f->flags &= ~FALCON_FLAG_UNREADABLE;
    w->unsure = 0;
    ev_read_callers_address(w, ring);
}

static __always_inline u32 ev_submit_descriptor(struct ev_workspace *w, u64 request)
{
    struct falcon_facts *f = &w->facts;
    int fixed = READ(u64, request, FALCON_REQ_FLAGS) & EV_REQ_F_FIXED_FILE;
    u32 slot = 0;
    f->fd = FALCON_HAS(FALCON_REQ_FD) ? READ(s32, request, FALCON_REQ_FD) : -1;
    f->arguments[0] = f->fd;
    switch (f->event) {
    case FALCON_EVENT_SOCKET:
        f->arguments[0] = READ(u32, request, FALCON_NEW_SOCKET_DOMAIN);
        f->arguments[1] = READ(u32, request, FALCON_NEW_SOCKET_TYPE);
        f->arguments[2] = READ(u32, request, FALCON_NEW_SOCKET_PROTOCOL);
        slot = READ(u32, request, FALCON_NEW_SOCKET_SLOT);
        break;
    case FALCON_EVENT_ACCEPT4:
        f->arguments[0] = 0;
        f->arguments[3] = READ(s32, request, FALCON_ACCEPT_FLAGS);
        slot = FALCON_HAS(FALCON_ACCEPT_SLOT) ? READ(u32, request, FALCON_ACCEPT_SLOT) : 0;
        break;
    case FALCON_EVENT_LISTEN:
        f->arguments[1] = READ(s32, request, FALCON_LISTEN_BACKLOG);
        break;
    }
    count(FALCON_KIND_DESCRIPTOR, FALCON_COUNTER_SEEN, 1);
    if (!falcon_want_descriptor_early(f))
        return 0;
    if (f->event == FALCON_EVENT_SENDTO || f->event == FALCON_EVENT_SENDMSG)
        ev_read_request_address(w, request);
    else
        ev_forget_address(w);
    if (!ev_makes_descriptor(f->event))
        slot = fixed ? f->fd + 1 : 0;
    if (ev_hold(w, FALCON_KIND_DESCRIPTOR, request, slot))
        return 0;
    w->file = fixed || ev_makes_descriptor(f->event) ? 0 : ev_file_of(f->task, f->fd);
    ev_take_registers(w, 0);
    return FALCON_STAGE_DESCRIPTOR;
}
#endif
