/* Sockets being connected. Once the call succeeded or is in progress the socket itself knows its peer,
 * and the socket is believed; the address in user memory may have been changed since. A refused call
 * leaves only the address as given. */

#define EV_EINPROGRESS 115

/* What the socket knows: its type and protocol always, its ends once it is connected or about to be. */
static __always_inline void ev_ask_socket(struct ev_workspace *w)
{
    struct falcon_facts *f = &w->facts;
    f->sock_type = 0;
    f->protocol = 0;
    int connected = f->result_known && (f->result == 0 || f->result == -EV_EINPROGRESS);
    u64 inode = ev_inode_of(w->file);
    if (!inode || (READ(u16, inode, FALCON_INODE_MODE) & EV_S_IFMT) != EV_S_IFSOCK) {
        /* Connected, but the descriptor is another file's by now: what the address says proves nothing. */
        w->unsure |= connected || !f->result_known;
        return;
    }
    u64 socket = READ(u64, w->file, FALCON_FILE_PRIVATE);
    u64 sk = READ(u64, socket, FALCON_SOCKET_SK);
    u16 family = READ(u16, sk, FALCON_SOCK_FAMILY);
    f->sock_type = READ(u16, socket, FALCON_SOCKET_TYPE);
    f->protocol = READ(u16, sk, FALCON_SOCK_PROTOCOL);
    if (connected && f->family)
        f->family = family;
    if (family == EV_AF_UNIX && connected)
        ev_ask_unix(w, sk);
    if (f->family == family && (family == EV_AF_INET || family == EV_AF_INET6))
        ev_ask_inet(f, sk, connected);
}

/* The address is told, the file is in the workspace: what does the filter say? */
int ev_connect(struct bpf_raw_tracepoint_args *ctx)
{
    u32 place;
    EV_PLACE(place);
    struct ev_workspace *w = ev_workspace_of(place);
    struct falcon_connect_record *out = (struct falcon_connect_record *)ev_buffer_of(place);
    if (!w || !out)
        return 0;
    struct falcon_facts *f = &w->facts;
    ev_ask_socket(w);
    if (f->family == EV_AF_INET6 && ev_unmap(f->destination) == EV_AF_INET) {
        ev_unmap(f->source);
        f->family = EV_AF_INET;
    }
    if (!w->unsure && ev_asks(place) && !falcon_want_connect(f, &w->names))
        return 0;
    if (ev_is_sensor(f->task))
        return 0;
    f->flags |= FALCON_FLAG_WANTED;

    out->body.fd = f->fd;
    ev_tell_socket(f, (struct ev_socket_told *)&out->body.family);
    out->body.reserved = 0;
    ev_begin(w, FALCON_KIND_CONNECT, FALCON_CONNECT_BLOBS, FALCON_CONNECT_SLOTS);
    ev_give_ends(w, FALCON_CONNECT_SOURCE, FALCON_CONNECT_DESTINATION, FALCON_CONNECT_UNIX_PATH);
    ev_tails.call(ctx, place * EV_STAGES + FALCON_STAGE_FINISH);
    return 0;
}

int ev_sys_connect(struct bpf_raw_tracepoint_args *ctx)
{
    struct ev_workspace *w = ev_workspace_of(EV_AT_SYSCALL);
    if (!w)
        return 0;
    count(FALCON_KIND_CONNECT, FALCON_COUNTER_SEEN, 1);
    w->facts.fd = w->arguments[0];
    if (!falcon_want_connect_early(&w->facts))
        return 0;
    ev_read_address(w, w->arguments[1], w->arguments[2], 1);
    w->file = ev_file_of(w->facts.task, w->facts.fd);
    ev_tails.call(ctx, EV_AT_SYSCALL * EV_STAGES + FALCON_STAGE_CONNECT);
    return 0;
}
