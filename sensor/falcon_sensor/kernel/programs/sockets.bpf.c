/* Addresses as calls give them, and what sockets know of their own ends. */

#define EV_AF_UNIX 1
#define EV_AF_INET 2
#define EV_AF_INET6 10
#define EV_S_IFMT 0170000
#define EV_S_IFSOCK 0140000

/* sockaddr_un with its 108 bytes of path is the longest we look at. */
#define EV_ADDRESS_MOST 110
#define EV_UNIX_PATH_AT 2

static __always_inline u16 ev_swap16(u16 value)
{
    return __builtin_bswap16(value);
}

/* ::ffff:10.0.0.1 on an IPv6 socket is an IPv4 peer and said to be one. */
static __always_inline u16 ev_unmap(u8 address[16])
{
    u64 high, low;
    __builtin_memcpy(&high, address, 8);
    __builtin_memcpy(&low, address + 8, 8);
    if (high || (u32)low != 0xffff0000)
        return EV_AF_INET6;
    low >>= 32;
    __builtin_memcpy(address, &low, 8);
    return EV_AF_INET;
}

/* How both kinds of records tell of a socket: these members follow each other in their bodies. */
struct ev_socket_told {
    u16 family;
    u16 sock_type;
    u16 protocol;
    u16 source_port;
    u16 dest_port;
};

static __always_inline void ev_tell_socket(const struct falcon_facts *f, struct ev_socket_told *out)
{
    out->family = f->family;
    out->sock_type = f->sock_type;
    out->protocol = f->protocol;
    out->source_port = f->source_port;
    out->dest_port = f->dest_port;
}

/* Its two ends, or its name, as blobs. */
static __always_inline void ev_give_ends(struct ev_workspace *w, u32 source, u32 destination, u32 unix_path)
{
    struct falcon_facts *f = &w->facts;
    u64 width = f->family == EV_AF_INET ? 4 : f->family == EV_AF_INET6 ? 16 : 0;
    u64 path = f->family == EV_AF_UNIX ? w->names.name_length : 0;
    ev_give(w, source, 16, (u64)f->source, width, 0);
    ev_give(w, destination, 16, (u64)f->destination, width, 0);
    ev_give(w, unix_path, 108, (u64)w->names.name, path, 0);
}

static __always_inline void ev_take_unix_path(struct ev_workspace *w, u64 from, u64 length)
{
    BOUND(length, FALCON_NAME_MAX - 1);
    ev_read_kernel(w->names.name, length, (void *)from);
    if (length && w->names.name[0]) { /* not abstract: ends at the first NUL */
        s64 size = ev_read_kernel_str(w->names.name, length + 1, (void *)from);
        length = size > 0 ? size - 1 : 0;
    }
    w->names.name_length = length;
}

/* The address given, now in w->component. */
static __always_inline void ev_tell_address(struct ev_workspace *w, u64 length)
{
    struct falcon_facts *f = &w->facts;
    if (length < 2)
        return;
    f->family = *(u16 *)w->component;
    if (f->family == EV_AF_INET) {
        f->dest_port = ev_swap16(*(u16 *)&w->component[2]);
        __builtin_memcpy(f->destination, &w->component[4], 4);
    } else if (f->family == EV_AF_INET6) {
        f->dest_port = ev_swap16(*(u16 *)&w->component[2]);
        __builtin_memcpy(f->destination, &w->component[8], 16);
    } else if (f->family == EV_AF_UNIX && length > EV_UNIX_PATH_AT) {
        ev_take_unix_path(w, (u64)&w->component[EV_UNIX_PATH_AT], length - EV_UNIX_PATH_AT);
    }
}

/* user: the address is in the caller's memory, else in the kernel's. */
static __always_inline void ev_read_address(struct ev_workspace *w, u64 address, u32 length, int user)
{
    struct falcon_facts *f = &w->facts;
    u64 size = length;
    BOUND(size, EV_ADDRESS_MOST);
    __builtin_memset(w->component, 0, EV_ADDRESS_MOST + 2);
    f->family = 0;
    f->dest_port = 0;
    __builtin_memset(f->destination, 0, 16);
    __builtin_memset(f->source, 0, 16);
    f->source_port = 0;
    w->names.name_length = 0;
    w->names.path_length = 0;
    long failed = user ? ev_read_user(w->component, size, (void *)address)
                       : ev_read_kernel(w->component, size, (void *)address);
    if (failed || !size) {
        f->flags |= FALCON_FLAG_UNREADABLE;
        w->unsure = 1;
        return;
    }
    ev_tell_address(w, size);
}

static __always_inline void ev_ask_inet(struct falcon_facts *f, u64 sk, int connected)
{
    u16 port = ev_swap16(READ(u16, sk, FALCON_SOCK_PEER_PORT));
    f->source_port = READ(u16, sk, FALCON_SOCK_PORT);
    if (f->family == EV_AF_INET6 && FALCON_HAS(FALCON_SOCK_PEER_ADDRESS6)) {
        ev_read_kernel(f->source, 16, (void *)FIELD_ADDRESS(sk, FALCON_SOCK_ADDRESS6));
        if (connected && port)
            ev_read_kernel(f->destination, 16, (void *)FIELD_ADDRESS(sk, FALCON_SOCK_PEER_ADDRESS6));
    } else {
        ev_read_kernel(f->source, 4, (void *)FIELD_ADDRESS(sk, FALCON_SOCK_ADDRESS));
        if (connected && port)
            ev_read_kernel(f->destination, 4, (void *)FIELD_ADDRESS(sk, FALCON_SOCK_PEER_ADDRESS));
    }
    if (connected && port)
        f->dest_port = port;
}

static __always_inline void ev_ask_unix(struct ev_workspace *w, u64 sk)
{
    if (!FALCON_HAS(FALCON_UNIX_PEER) || !FALCON_HAS(FALCON_UNIX_ADDRESS))
        return;
    u64 address = READ(u64, READ(u64, sk, FALCON_UNIX_PEER), FALCON_UNIX_ADDRESS);
    u64 length = READ(u32, address, FALCON_UNIX_ADDRESS_LENGTH);
    if (address && length > EV_UNIX_PATH_AT)
        ev_take_unix_path(w, address + FALCON_UNIX_ADDRESS_NAME + EV_UNIX_PATH_AT, length - EV_UNIX_PATH_AT);
}
