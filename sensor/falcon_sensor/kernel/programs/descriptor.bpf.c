/* Calls about a descriptor. A file is told by its path, a socket by its two ends: its own, and the far one,
 * which is the socket's peer or, where it has none, the address that this very call was given. */

#define EV_DESCRIPTOR 0
#define EV_ADDRESS 1
#define EV_ADDRESS_LENGTH 2
#define EV_ADDRESS_LENGTH_AT 3
#define EV_MESSAGE 4
#define EV_DESCRIPTOR_TEXT 5

#define EV_SOCK_STREAM 1
/* The part of a struct sockaddr_in that is not padding. */
#define EV_INET_ADDRESS 8
/* SOCK_BINDPORT_LOCK of sk_userlocks, four bits that share a byte with others below them. */
#define EV_PORT_CHOSEN 0x80

struct ev_message {
    u64 address;
    u32 length;
};

/* The caller's struct msghdr begins so, for 32-bit callers with a narrow pointer. Not 0: it cannot be read. */
static __always_inline long ev_read_message(u64 at, int compat, struct ev_message *out)
{
    u32 narrow[2] = {};
    if (!compat)
        return ev_read_user(out, sizeof(*out), (void *)at);
    long failed = ev_read_user(narrow, sizeof(narrow), (void *)at);
    out->address = narrow[0];
    out->length = narrow[1];
    return failed;
}

static __always_inline void ev_forget_address(struct ev_workspace *w)
{
    struct falcon_facts *f = &w->facts;
    f->family = 0;
    f->sock_type = 0;
    f->protocol = 0;
    f->source_port = 0;
    f->dest_port = 0;
    __builtin_memset(f->source, 0, 16);
    __builtin_memset(f->destination, 0, 16);
    w->names.name_length = 0;
    w->names.path_length = 0;
}

/* The far end as the call names it, to f->destination; user: the address is in the caller's memory. */
static __always_inline void ev_take_address(struct ev_workspace *w, u64 address, u32 length, int user)
{
    ev_read_address(w, address, length, user);
    if (!w->facts.family && length >= EV_INET_ADDRESS) { /* AF_UNSPEC: datagrams go to the IPv4 address there */
        w->facts.family = EV_AF_INET;
        w->facts.dest_port = ev_swap16(*(u16 *)&w->component[2]);
        __builtin_memcpy(w->facts.destination, &w->component[4], 4);
    }
}

/* The address in the call's arguments; f->family 0: there is none. */
static __always_inline void ev_read_given_address(struct ev_workspace *w, u32 places)
{
    struct ev_message given = {};
    int compat = (w->facts.flags & FALCON_FLAG_IA32) != 0;
    given.address = ev_argument(w, places, EV_ADDRESS);
    given.length = ev_argument(w, places, EV_ADDRESS_LENGTH);
    u64 length_at = ev_argument(w, places, EV_ADDRESS_LENGTH_AT);
    if (length_at)
        ev_read_user(&given.length, sizeof(given.length), (void *)length_at);
    u64 message = ev_argument(w, places, EV_MESSAGE);
    if (message)
        ev_read_message(message, compat, &given);
    ev_forget_address(w);
    if (given.address && given.length)
        ev_take_address(w, given.address, given.length, 1);
}

/* Whoever listens, was accepted, or chose its port itself is the server. A client's port is the kernel's choice:
 * of TCP ports the bind bucket tells, where a chosen one is never below 0. */
static __always_inline int ev_is_server(u64 sk, u16 sock_type)
{
    if (sock_type != EV_SOCK_STREAM)
        return FALCON_HAS(FALCON_SOCK_LOCKS) && READ(u8, sk, FALCON_SOCK_LOCKS) & EV_PORT_CHOSEN;
    if (!FALCON_HAS(FALCON_CSK_BUCKET) || !FALCON_HAS(FALCON_BUCKET_REUSE))
        return 0;
    u64 bucket = READ(u64, sk, FALCON_CSK_BUCKET);
    return bucket && READ(u8, bucket, FALCON_BUCKET_REUSE) < 0x80;
}

static __always_inline void ev_swap_ends(struct falcon_facts *f)
{
    u64 kept[2], moved[2];
    u16 port = f->source_port;
    __builtin_memcpy(kept, f->source, 16);
    __builtin_memcpy(moved, f->destination, 16);
    __builtin_memcpy(f->source, moved, 16);
    __builtin_memcpy(f->destination, kept, 16);
    f->source_port = f->dest_port;
    f->dest_port = port;
}

static __always_inline void ev_look_at_inet(struct ev_workspace *w, u64 sk, u16 family)
{
    struct falcon_facts *f = &w->facts;
    /* What bind is given is this end, and the socket knows it itself. An IPv6 socket sends to IPv4 addresses, too. */
    int given = (f->family == family || f->family == EV_AF_INET) && f->sock_type != EV_SOCK_STREAM &&
                f->event != FALCON_EVENT_BIND;
    int peer = READ(u16, sk, FALCON_SOCK_PEER_PORT) != 0;
    if (!given) {
        f->dest_port = 0;
        __builtin_memset(f->destination, 0, 16);
    }
    if (!given)
        f->family = family;
    if (peer)
        f->flags |= FALCON_FLAG_FD_CONNECTED;
    else if (given)
        f->flags |= FALCON_FLAG_FD_ADDRESSED;
    ev_ask_inet(f, sk, !given);
    if (ev_is_bound(f->event) || (f->event == FALCON_EVENT_RECVFROM && !peer) ||
        (f->event == FALCON_EVENT_RECVMSG && !peer) || ev_is_server(sk, f->sock_type)) {
        f->flags |= FALCON_FLAG_FD_SERVER;
        ev_swap_ends(f);
    }
    if (f->family == EV_AF_INET6) {
        u16 source = ev_unmap(f->source);
        u16 destination = ev_unmap(f->destination);
        if (source == EV_AF_INET || destination == EV_AF_INET)
            f->family = EV_AF_INET;
    }
}

/* A Unix socket's name: the one given, the peer's, or of a server its own. */
static __always_inline void ev_look_at_unix(struct ev_workspace *w, u64 sk)
{
    struct falcon_facts *f = &w->facts;
    int given = f->family == EV_AF_UNIX && w->names.name_length;
    f->family = EV_AF_UNIX;
    if (!FALCON_HAS(FALCON_UNIX_PEER) || !FALCON_HAS(FALCON_UNIX_ADDRESS))
        return;
    u64 peer = READ(u64, sk, FALCON_UNIX_PEER);
    if (peer)
        f->flags |= FALCON_FLAG_FD_CONNECTED;
    if (given)
        return;
    int bound = ev_is_bound(f->event);
    u64 address = READ(u64, bound ? sk : peer, FALCON_UNIX_ADDRESS);
    u64 length = READ(u32, address, FALCON_UNIX_ADDRESS_LENGTH);
    if (address && length > EV_UNIX_PATH_AT)
        ev_take_unix_path(w, address + FALCON_UNIX_ADDRESS_NAME + EV_UNIX_PATH_AT, length - EV_UNIX_PATH_AT);
}

static __always_inline void ev_look_at_socket(struct ev_workspace *w)
{
    struct falcon_facts *f = &w->facts;
    u64 socket = READ(u64, w->file, FALCON_FILE_PRIVATE);
    u64 sk = READ(u64, socket, FALCON_SOCKET_SK);
    u16 family = READ(u16, sk, FALCON_SOCK_FAMILY);
    f->sock_type = READ(u16, socket, FALCON_SOCKET_TYPE);
    f->protocol = READ(u16, sk, FALCON_SOCK_PROTOCOL);
    if (family == EV_AF_INET || family == EV_AF_INET6)
        ev_look_at_inet(w, sk, family);
    else if (family == EV_AF_UNIX)
        ev_look_at_unix(w, sk);
    else
        f->family = family;
}

/* The descriptor and the address given are told: what is it, and what does the filter say? */
int ev_descriptor(struct bpf_raw_tracepoint_args *ctx)
{
    u32 place;
    EV_PLACE(place);
    struct ev_workspace *w = ev_workspace_of(place);
    struct falcon_descriptor_record *out = (struct falcon_descriptor_record *)ev_buffer_of(place);
    if (!w || !out)
        return 0;
    struct falcon_facts *f = &w->facts;
    u64 inode = ev_inode_of(w->file);
    f->file_mode = inode ? READ(u16, inode, FALCON_INODE_MODE) : 0;
    if ((f->file_mode & EV_S_IFMT) == EV_S_IFSOCK)
        ev_look_at_socket(w);
    else
        f->family = 0;
    /* There was such a descriptor a moment ago, and another thread closed it. */
    if (!w->file && f->result >= 0)
        w->unsure = 1;
    if (!w->unsure && ev_asks(place) && !falcon_want_descriptor(f, &w->names))
        return 0;
    if (ev_is_sensor(f->task))
        return 0;
    f->flags |= FALCON_FLAG_WANTED;

    ev_tell_registers(w, (s64 *)&out->body);
    out->body.ino = inode ? READ(u64, inode, FALCON_INODE_INO) : 0;
    out->body.dev = inode ? ev_device(inode) : 0;
    out->body.fd = f->fd;
    out->body.file_mode = f->file_mode;
    ev_tell_socket(f, (struct ev_socket_told *)&out->body.family);
    out->body.reserved = 0;
    ev_begin(w, FALCON_KIND_DESCRIPTOR, FALCON_DESCRIPTOR_BLOBS, FALCON_DESCRIPTOR_SLOTS);
    ev_give_ends(w, FALCON_DESCRIPTOR_SOURCE, FALCON_DESCRIPTOR_DESTINATION, FALCON_DESCRIPTOR_UNIX_PATH);
    if (w->file && (f->file_mode & EV_S_IFMT) != EV_S_IFSOCK) {
        ev_walk_file(w, w->file);
        ev_keep_walked(w);
        ev_give(w, FALCON_DESCRIPTOR_PATH, FALCON_PATH_CAP, (u64)w->names.path, w->names.path_length, 0);
    }
    u32 places = ev_places(f->event);
    if (ev_has(places, EV_DESCRIPTOR_TEXT))
        ev_give_text(w, FALCON_DESCRIPTOR_TEXT, ev_argument(w, places, EV_DESCRIPTOR_TEXT));
    ev_tails.call(ctx, place * EV_STAGES + FALCON_STAGE_FINISH);
    return 0;
}

int ev_sys_descriptor(struct bpf_raw_tracepoint_args *ctx)
{
    struct ev_workspace *w = ev_workspace_of(EV_AT_SYSCALL);
    if (!w)
        return 0;
    count(FALCON_KIND_DESCRIPTOR, FALCON_COUNTER_SEEN, 1);
    ev_narrow(w);
    w->arguments[EV_DEFAULT] = w->facts.result;
    u32 places = ev_places(w->facts.event);
    w->facts.fd = ev_argument(w, places, EV_DESCRIPTOR);
    if (!falcon_want_descriptor_early(&w->facts))
        return 0;
    ev_read_given_address(w, places);
    w->file = ev_file_of(w->facts.task, w->facts.fd);
    ev_tails.call(ctx, EV_AT_SYSCALL * EV_STAGES + FALCON_STAGE_DESCRIPTOR);
    return 0;
}
