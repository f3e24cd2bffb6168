/* Does one thing so many times, by exactly the call a test wants: `actor ACTION COUNT ARGUMENTS...`.
 *
 * Statically linked and not position-independent: nothing but the action opens files, and its data lies
 * below 4 GiB, where 32-bit calls can reach it. Prints what the calls returned, one line each. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[4096];
static char *arguments[] = {"acted", "one", "two words", NULL};
static char *environment[] = {"COLOUR=blue", NULL};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static long told(long result)
{
    printf("%ld\n", result < 0 ? -errno : result);
    return result;
}

static long call32(long number, long a, long b, long c, long d)
{
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
    printf("%d\n", (int)result);
    return (int)result;
}

/* ---- files ---- */

static void act_open(char **more)
{
    close(told(syscall(SYS_open, more[0], O_RDONLY | O_CLOEXEC)));
}

static void act_creat(char **more)
{
    close(told(syscall(SYS_creat, more[0], 0640)));
}

static void act_openat(char **more) /* directory, name */
{
    int directory = strcmp(more[0], "cwd") ? (int)syscall(SYS_open, more[0], O_PATH) : AT_FDCWD;
    close(told(syscall(SYS_openat, directory, more[1], O_WRONLY | O_CREAT, 0600)));
    close(directory);
}

static void act_openat2(char **more)
{
    struct { uint64_t flags, mode, resolve; } how = {O_RDONLY, 0, 0};
    close(told(syscall(SYS_openat2, AT_FDCWD, more[0], &how, sizeof(how))));
}

static void act_path_only(char **more)
{
    close(told(syscall(SYS_openat, AT_FDCWD, more[0], O_PATH)));
}

static void act_through_fd(char **more)
{
    char name[64];
    int first = syscall(SYS_open, more[0], O_PATH);
    snprintf(name, sizeof(name), "/proc/self/fd/%d", first);
    close(told(syscall(SYS_openat, AT_FDCWD, name, O_RDONLY)));
    close(first);
}

static void act_pipe_through_fd(char **more)
{
    char name[64];
    int ends[2];
    if (pipe(ends))
        die("pipe");
    snprintf(name, sizeof(name), "/proc/self/fd/%d", ends[0]);
    close(told(syscall(SYS_openat, AT_FDCWD, name, O_RDONLY)));
}

static void act_int80_open(char **more)
{
    strcpy(path, more[0]);
    close(call32(5, (long)path, O_RDONLY, 0, 0));
}

static void act_unreadable(char **more)
{
    told(syscall(SYS_openat, AT_FDCWD, 8, O_RDONLY));
}

static void act_deleted(char **more)
{
    close(told(syscall(SYS_openat, AT_FDCWD, more[0], O_RDWR | O_CREAT, 0600)));
    unlink(more[0]);
}

/* ---- sockets ---- */

static struct sockaddr_in to_port(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void act_connect(char **more)
{
    struct sockaddr_in address = to_port(more[0]);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    told(connect(fd, (void *)&address, sizeof(address)));
    close(fd);
}

static void act_connect_udp(char **more)
{
    struct sockaddr_in address = to_port(more[0]);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    told(connect(fd, (void *)&address, sizeof(address)));
    close(fd);
}

/* The answer waits until the caller lets go of the socket, so this is always still in progress. */
static void act_connect_nonblocking(char **more)
{
    struct sockaddr_in address = to_port(more[0]);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    told(connect(fd, (void *)&address, sizeof(address)));
    close(fd);
}

static void act_connect6(char **more) /* port, "mapped" or "plain" */
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(atoi(more[0]))};
    address.sin6_addr = in6addr_loopback;
    if (!strcmp(more[1], "mapped"))
        memcpy(&address.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\377\377\177\0\0\1", 16);
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    told(connect(fd, (void *)&address, sizeof(address)));
    close(fd);
}

static void act_connect_unix(char **more) /* path; a leading @ makes it abstract */
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(more[0]);
    memcpy(address.sun_path, more[0], length);
    if (more[0][0] == '@')
        address.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    told(connect(fd, (void *)&address, sizeof(sa_family_t) + length + (more[0][0] != '@')));
    close(fd);
}

static void act_int80_connect(char **more) /* port, "socketcall" or "direct" */
{
    static struct sockaddr_in address;
    static uint32_t inner[3];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address = to_port(more[0]);
    inner[0] = fd;
    inner[1] = (uint32_t)(uintptr_t)&address;
    inner[2] = sizeof(address);
    if (!strcmp(more[1], "socketcall"))
        call32(102, 3, (long)inner, 0, 0);
    else
        call32(362, fd, (long)&address, sizeof(address), 0);
    close(fd);
}

/* ---- any call ---- */

/* NUMBER and its arguments: numbers, @texts, SELF (the own pid); with int80 in front, the 32-bit way. */
static void act_call(char **more)
{
    static char texts[6][512]; /* below 4 GiB */
    long given[6] = {0};
    int narrow = !strcmp(more[0], "int80");
    more += narrow;
    for (int i = 0; i < 6 && more[i + 1]; i++)
        given[i] = more[i + 1][0] == '@' ? (long)strcpy(texts[i], more[i + 1] + 1) : strtol(more[i + 1], NULL, 0);
    if (narrow)
        call32(atoi(more[0]), given[0], given[1], given[2], given[3]);
    else
        told(syscall(atoi(more[0]), given[0], given[1], given[2], given[3], given[4], given[5]));
}

/* Bits that the kernel does not look at must not hide what it does look at. */
static void act_socket_with_leftovers(char **more)
{
    close(told(syscall(SYS_socket, 0x5500000000L | AF_PACKET, 0x7700000000L | SOCK_RAW, 0)));
}

static void act_ptrace_child(char **more)
{
    pid_t child = fork();
    if (!child) {
        pause();
        _exit(0);
    }
    told(syscall(SYS_ptrace, 16, child, 0x11, 0x22)); /* PTRACE_ATTACH */
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) == child)
        ;
}

static int connected_to(const char *port)
{
    struct sockaddr_in address = to_port(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (void *)&address, sizeof(address)))
        die("connect");
    return fd;
}

static void act_dup_socket(char **more) /* port, the call's number */
{
    int fd = connected_to(more[0]), call = atoi(more[1]);
    close(told(syscall(call, fd, 77, call == SYS_dup3 ? O_CLOEXEC : 0)));
    close(fd);
}

static void act_dup_file(char **more)
{
    int fd = open(more[0], O_RDONLY);
    close(told(syscall(SYS_dup2, fd, 78)));
    close(fd);
}

static void act_sendto(char **more) /* port, address family of the address */
{
    struct sockaddr_in address = to_port(more[0]);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    address.sin_family = atoi(more[1]);
    told(syscall(SYS_sendto, fd, "hello", 5, 0, &address, sizeof(address)));
    close(fd);
}

static void act_sendto_mapped(char **more) /* an IPv4 address by an IPv6 socket */
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(atoi(more[0]))};
    memcpy(&address.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\377\377\177\0\0\1", 16);
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    told(syscall(SYS_sendto, fd, "hello", 5, 0, &address, sizeof(address)));
    close(fd);
}

static void act_sendmsg(char **more)
{
    struct sockaddr_in address = to_port(more[0]);
    struct iovec part = {"hello", 5};
    struct msghdr message = {.msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = &part, .msg_iovlen = 1};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    told(syscall(SYS_sendmsg, fd, &message, 0));
    close(fd);
}

static void act_send_connected(char **more)
{
    int fd = connected_to(more[0]);
    told(syscall(SYS_sendto, fd, "hello", 5, 0, NULL, 0));
    close(fd);
}

static void act_int80_sendto(char **more) /* port; by socketcall */
{
    static struct sockaddr_in address;
    static uint32_t inner[6];
    static char text[] = "hello";
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    address = to_port(more[0]);
    inner[0] = fd;
    inner[1] = (uint32_t)(uintptr_t)text;
    inner[2] = 5;
    inner[4] = (uint32_t)(uintptr_t)&address;
    inner[5] = sizeof(address);
    call32(102, 11, (long)inner, 0, 0);
    close(fd);
}

/* Binds, listens, and accepts itself; then both ends talk. "accept" or "accept4". */
static void act_serve(char **more)
{
    struct sockaddr_in address = to_port("0");
    socklen_t length = sizeof(address);
    char byte;
    int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    told(syscall(SYS_bind, server, &address, sizeof(address)));
    told(syscall(SYS_listen, server, 5));
    getsockname(server, (void *)&address, &length);
    if (connect(client, (void *)&address, sizeof(address)))
        die("connect");
    int number = strcmp(more[0], "accept4") ? SYS_accept : SYS_accept4;
    int accepted = told(syscall(number, server, NULL, NULL, number == SYS_accept4 ? SOCK_CLOEXEC : 0));
    if (write(client, "x", 1) != 1)
        die("write");
    told(syscall(SYS_recvfrom, accepted, &byte, 1, 0, NULL, NULL));
    printf("%d\n", ntohs(address.sin_port));
    close(accepted);
    close(client);
    close(server);
}

static void act_receive_datagram(char **more)
{
    struct sockaddr_in address = to_port("0"), from;
    socklen_t length = sizeof(address);
    char byte;
    int server = socket(AF_INET, SOCK_DGRAM, 0), client = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(server, (void *)&address, sizeof(address)) || bind(client, (void *)&(struct sockaddr_in){
            .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, sizeof(address)))
        die("bind");
    getsockname(server, (void *)&address, &length);
    sendto(client, "x", 1, 0, (void *)&address, sizeof(address));
    length = sizeof(from);
    told(syscall(SYS_recvfrom, server, &byte, 1, 0, &from, &length));
    printf("%d\n%d\n", ntohs(from.sin_port), ntohs(address.sin_port));
    close(client);
    close(server);
}

/* ---- io_uring ---- */

static struct {
    int fd;
    struct io_uring_params params;
    char *submissions, *completions;
    struct io_uring_sqe *entries;
} ring;

static void ring_open(unsigned entries, unsigned flags)
{
    ring.params.flags = flags;
    ring.fd = syscall(SYS_io_uring_setup, entries, &ring.params);
    if (ring.fd < 0)
        die("io_uring_setup");
    size_t size = 1 << 16;
    ring.submissions = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_SQ_RING);
    ring.completions = ring.submissions; /* IORING_FEAT_SINGLE_MMAP */
    ring.entries = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_SQES);
    if (ring.submissions == MAP_FAILED || ring.entries == MAP_FAILED)
        die("mmap");
}

static struct io_uring_sqe *ring_entry(int opcode, uint64_t user_data)
{
    unsigned *tail = (unsigned *)(ring.submissions + ring.params.sq_off.tail);
    unsigned mask = *(unsigned *)(ring.submissions + ring.params.sq_off.ring_mask);
    unsigned *array = (unsigned *)(ring.submissions + ring.params.sq_off.array);
    unsigned index = *tail & mask;
    struct io_uring_sqe *entry = &ring.entries[index];
    memset(entry, 0, sizeof(*entry));
    entry->opcode = opcode;
    entry->user_data = user_data;
    array[index] = index;
    __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
    return entry;
}

static void ring_submit(unsigned count, unsigned wait)
{
    if (syscall(SYS_io_uring_enter, ring.fd, count, wait, wait ? IORING_ENTER_GETEVENTS : 0, 0, 0) < 0)
        die("io_uring_enter");
}

static int ring_result(void)
{
    unsigned *head = (unsigned *)(ring.completions + ring.params.cq_off.head);
    unsigned mask = *(unsigned *)(ring.completions + ring.params.cq_off.ring_mask);
    struct io_uring_cqe *entries = (void *)(ring.completions + ring.params.cq_off.cqes);
    int result = entries[*head & mask].res;
    __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
    printf("%d\n", result);
    return result;
}

static struct io_uring_sqe *ring_openat(const char *name, uint64_t user_data)
{
    struct io_uring_sqe *entry = ring_entry(IORING_OP_OPENAT, user_data);
    entry->fd = AT_FDCWD;
    entry->addr = (uintptr_t)name;
    entry->open_flags = O_RDONLY;
    return entry;
}

static void act_uring_open(char **more)
{
    if (!ring.fd)
        ring_open(8, 0);
    ring_openat(more[0], 1);
    ring_submit(1, 1);
    close(ring_result());
}

static void act_uring_openat2(char **more)
{
    static struct { uint64_t flags, mode, resolve; } how = {O_RDONLY, 0, 0};
    if (!ring.fd)
        ring_open(8, 0);
    struct io_uring_sqe *entry = ring_entry(IORING_OP_OPENAT2, 1);
    entry->fd = AT_FDCWD;
    entry->addr = (uintptr_t)more[0];
    entry->len = sizeof(how);
    entry->off = (uintptr_t)&how;
    ring_submit(1, 1);
    close(ring_result());
}

static void act_uring_by_worker(char **more)
{
    if (!ring.fd)
        ring_open(8, 0);
    ring_openat(more[0], 1)->flags |= IOSQE_ASYNC;
    ring_submit(1, 1);
    close(ring_result());
}

static void act_uring_polled(char **more)
{
    ring_open(8, IORING_SETUP_SQPOLL);
    ring_openat(more[0], 1);
    /* The polling thread may sleep or not: waking it does no harm. */
    if (syscall(SYS_io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP, 0, 0) < 0)
        die("io_uring_enter");
    close(ring_result());
}

static void act_uring_without_completion(char **more)
{
    ring_open(8, 0);
    ring_openat(more[0], 1)->flags |= IOSQE_CQE_SKIP_SUCCESS;
    ring_entry(IORING_OP_NOP, 2);
    ring_submit(2, 1);
    ring_result();
}

static void act_uring_overflowing(char **more)
{
    ring_open(2, 0); /* the completion queue has 4 places */
    for (int i = 0; i < 4; i++) {
        ring_entry(IORING_OP_NOP, 100 + i);
        ring_submit(1, 0);
    }
    int next = dup(0);
    close(next);
    ring_openat(more[0], 1);
    ring_submit(1, 0);
    while (fcntl(next, F_GETFD) < 0) /* a worker may do it */
        usleep(1000);
    usleep(1000); /* its completion comes with our next return from the kernel */
}

static void act_uring_same_user_data(char **more) /* a fifo, a file */
{
    ring_open(8, 0);
    ring_openat(more[0], 7)->flags |= IOSQE_ASYNC; /* waits for a writer that never comes */
    ring_openat(more[1], 7);
    ring_submit(2, 1);
    ring_result();
}

/* Waits for a pipe before it opens the file, and meanwhile sends itself a completion that says it failed. */
static void act_uring_forged(char **more)
{
    int ends[2];
    static char byte;
    if (pipe(ends))
        die("pipe");
    ring_open(8, 0);
    struct io_uring_sqe *entry = ring_entry(IORING_OP_READ, 1);
    entry->fd = ends[0];
    entry->addr = (uintptr_t)&byte;
    entry->len = 1;
    entry->flags = IOSQE_IO_LINK;
    ring_openat(more[0], 7);
    ring_submit(2, 0);
    int waiting = ring.fd;
    ring_open(8, 0);
    entry = ring_entry(IORING_OP_MSG_RING, 3);
    entry->fd = waiting;
    entry->off = 7;
    entry->len = -2;
    ring_submit(1, 1);
    ring_result();
    if (write(ends[1], "x", 1) != 1)
        die("write");
    /* Its own completions: the read's, the forged one, the true one. */
    if (syscall(SYS_io_uring_enter, waiting, 0, 3, IORING_ENTER_GETEVENTS, 0, 0) < 0)
        die("io_uring_enter");
}

static void act_uring_registered(char **more)
{
    int none = -1;
    ring_open(8, 0);
    if (syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES, &none, 1) < 0)
        die("io_uring_register");
    ring_openat(more[0], 1)->file_index = 1;
    ring_submit(1, 1);
    ring_result();
}

/* Calls about names by io_uring: operation, then directory, name, directory, name, flags. */
static void act_uring_names(char **more)
{
    if (!ring.fd)
        ring_open(8, 0);
    struct io_uring_sqe *entry = ring_entry(atoi(more[0]), 1);
    entry->fd = strtol(more[1], NULL, 0);
    entry->addr = (uintptr_t)more[2];
    entry->len = strtol(more[3], NULL, 0);
    entry->off = more[4][0] ? (uintptr_t)more[4] : 0;
    entry->rename_flags = strtol(more[5], NULL, 0);
    ring_submit(1, 1);
    ring_result();
}

static void act_uring_socket(char **more) /* family, type */
{
    if (!ring.fd)
        ring_open(8, 0);
    struct io_uring_sqe *entry = ring_entry(45, 1); /* IORING_OP_SOCKET */
    entry->fd = atoi(more[0]);
    entry->off = atoi(more[1]);
    ring_submit(1, 1);
    close(ring_result());
}

/* Without a copy there is a second completion: the memory is no longer needed. */
static void ring_sent(void)
{
    unsigned *head = (unsigned *)(ring.completions + ring.params.cq_off.head);
    unsigned *tail = (unsigned *)(ring.completions + ring.params.cq_off.tail);
    unsigned mask = *(unsigned *)(ring.completions + ring.params.cq_off.ring_mask);
    struct io_uring_cqe *entries = (void *)(ring.completions + ring.params.cq_off.cqes);
    int more = entries[*head & mask].flags & IORING_CQE_F_MORE;
    ring_result();
    if (!more)
        return;
    if (__atomic_load_n(tail, __ATOMIC_ACQUIRE) == *head)
        ring_submit(0, 1);
    __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
}

/* The same bytes in memory that nobody has touched: only a page fault brings them. */
static void *untouched(const void *bytes, size_t size)
{
    int memory = memfd_create("untouched", MFD_CLOEXEC);
    if (write(memory, bytes, size) != (ssize_t)size)
        die("write");
    void *found = mmap(0, size, PROT_READ, MAP_SHARED, memory, 0);
    if (found == MAP_FAILED)
        die("mmap");
    close(memory);
    return found;
}

static void act_uring_sendmsg(char **more) /* port, operation if not the plain one, anything: untouched */
{
    static struct sockaddr_in address;
    static struct iovec part = {"hello", 5};
    static struct msghdr message = {.msg_namelen = sizeof(address), .msg_iov = &part, .msg_iovlen = 1};
    int absent = more[1] && more[2];
    address = to_port(more[0]);
    message.msg_name = absent ? untouched(&address, sizeof(address)) : &address;
    if (!ring.fd)
        ring_open(8, 0);
    struct io_uring_sqe *entry = ring_entry(more[1] ? atoi(more[1]) : IORING_OP_SENDMSG, 1);
    entry->fd = socket(AF_INET, SOCK_DGRAM, 0);
    entry->addr = (uintptr_t)(absent ? untouched(&message, sizeof(message)) : &message);
    entry->len = 1;
    ring_submit(1, 1);
    ring_sent();
    close(entry->fd);
}

static void act_uring_sendto(char **more) /* the same */
{
    static struct sockaddr_in address;
    address = to_port(more[0]);
    if (!ring.fd)
        ring_open(8, 0);
    struct io_uring_sqe *entry = ring_entry(more[1] ? atoi(more[1]) : IORING_OP_SEND, 1);
    entry->fd = socket(AF_INET, SOCK_DGRAM, 0);
    entry->addr = (uintptr_t)"hello";
    entry->len = 5;
    entry->off = (uintptr_t)(more[1] && more[2] ? untouched(&address, sizeof(address)) : &address);
    *(uint16_t *)&entry->file_index = sizeof(address); /* addr_len */
    ring_submit(1, 1);
    ring_sent();
    close(entry->fd);
}

static void act_uring_connect(char **more)
{
    static struct sockaddr_in address;
    address = to_port(more[0]);
    if (!ring.fd)
        ring_open(8, 0);
    struct io_uring_sqe *entry = ring_entry(IORING_OP_CONNECT, 1);
    entry->fd = socket(AF_INET, SOCK_STREAM, 0);
    entry->addr = (uintptr_t)&address;
    entry->off = sizeof(address);
    ring_submit(1, 1);
    ring_result();
}

/* ---- programs ---- */

static void in_child(void (*act)(char **), char **more)
{
    pid_t child = fork();
    if (!child) {
        act(more);
        exit(1);
    }
    printf("%d\n", child);
    waitpid(child, NULL, 0);
}

static void exec_plain(char **more)
{
    execve(more[0], arguments, environment);
}

static void exec_at(char **more)
{
    syscall(SYS_execveat, AT_FDCWD, more[0], arguments, environment, 0);
}

static int copy_to_memfd(const char *from)
{
    int source = open(from, O_RDONLY), memory = memfd_create("hidden", MFD_CLOEXEC);
    char block[1 << 16];
    ssize_t size;
    while ((size = read(source, block, sizeof(block))) > 0)
        if (write(memory, block, size) != size)
            die("write");
    return memory;
}

static void exec_memfd(char **more)
{
    char name[64];
    snprintf(name, sizeof(name), "/proc/self/fd/%d", copy_to_memfd(more[0]));
    execve(name, arguments, environment);
}

static void exec_descriptor(char **more)
{
    syscall(SYS_execveat, open(more[0], O_PATH | O_CLOEXEC), "", arguments, environment, AT_EMPTY_PATH);
}

static void exec_int80(char **more)
{
    static uint32_t narrow_arguments[2];
    strcpy(path, more[0]);
    narrow_arguments[0] = (uint32_t)(uintptr_t)path;
    call32(11, (long)path, (long)narrow_arguments, (long)&narrow_arguments[1], 0);
}

static void act_exec(char **more) { in_child(exec_plain, more); }
static void act_execveat(char **more) { in_child(exec_at, more); }
static void act_exec_memfd(char **more) { in_child(exec_memfd, more); }
static void act_fexecve(char **more) { in_child(exec_descriptor, more); }
static void act_int80_exec(char **more) { in_child(exec_int80, more); }

static void act_exec_failing(char **more)
{
    told(syscall(SYS_execve, more[0], arguments, environment));
}

static void act_execveat_failing(char **more)
{
    told(syscall(SYS_execveat, AT_FDCWD, more[0], arguments, environment, 0));
}

/* The grandchild's parent is gone before it acts: it belongs to init or the next subreaper then. */
static void act_orphan(char **more)
{
    int gone[2];
    char byte;
    if (pipe(gone))
        die("pipe");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t child = fork();
    if (!child) {
        if (!fork()) {
            close(gone[1]);
            if (read(gone[0], &byte, 1) < 0) /* ends when the last holder of the other end is gone */
                die("read");
            while (getppid() != atoi(more[1]))
                ;
            exec_plain(more);
        }
        _exit(0);
    }
    waitpid(child, NULL, 0);
    close(gone[1]);
    wait(NULL);
}

static void act_double_fork(char **more)
{
    pid_t child = fork();
    if (!child) {
        prctl(PR_SET_NAME, "between");
        in_child(exec_plain, more);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

static struct {
    const char *name;
    void (*act)(char **);
} actions[] = {
    {"open", act_open},
    {"creat", act_creat},
    {"openat", act_openat},
    {"openat2", act_openat2},
    {"path_only", act_path_only},
    {"through_fd", act_through_fd},
    {"pipe_through_fd", act_pipe_through_fd},
    {"int80_open", act_int80_open},
    {"unreadable", act_unreadable},
    {"deleted", act_deleted},
    {"connect", act_connect},
    {"connect_udp", act_connect_udp},
    {"connect_nonblocking", act_connect_nonblocking},
    {"connect6", act_connect6},
    {"connect_unix", act_connect_unix},
    {"int80_connect", act_int80_connect},
    {"call", act_call},
    {"socket_with_leftovers", act_socket_with_leftovers},
    {"ptrace_child", act_ptrace_child},
    {"dup_socket", act_dup_socket},
    {"dup_file", act_dup_file},
    {"sendto", act_sendto},
    {"sendto_mapped", act_sendto_mapped},
    {"sendmsg", act_sendmsg},
    {"send_connected", act_send_connected},
    {"int80_sendto", act_int80_sendto},
    {"serve", act_serve},
    {"receive_datagram", act_receive_datagram},
    {"uring_open", act_uring_open},
    {"uring_openat2", act_uring_openat2},
    {"uring_by_worker", act_uring_by_worker},
    {"uring_polled", act_uring_polled},
    {"uring_without_completion", act_uring_without_completion},
    {"uring_overflowing", act_uring_overflowing},
    {"uring_same_user_data", act_uring_same_user_data},
    {"uring_registered", act_uring_registered},
    {"uring_forged", act_uring_forged},
    {"uring_connect", act_uring_connect},
    {"uring_names", act_uring_names},
    {"uring_socket", act_uring_socket},
    {"uring_sendmsg", act_uring_sendmsg},
    {"uring_sendto", act_uring_sendto},
    {"exec", act_exec},
    {"execveat", act_execveat},
    {"exec_memfd", act_exec_memfd},
    {"fexecve", act_fexecve},
    {"int80_exec", act_int80_exec},
    {"exec_failing", act_exec_failing},
    {"execveat_failing", act_execveat_failing},
    {"orphan", act_orphan},
    {"double_fork", act_double_fork},
};

int main(int count, char **given)
{
    char own_pid[16], *more[12] = {0};
    setvbuf(stdout, NULL, _IONBF, 0);
    snprintf(own_pid, sizeof(own_pid), "%d", getpid());
    for (int i = 3; i < count && i < 13; i++)
        more[i - 3] = strcmp(given[i], "SELF") ? given[i] : own_pid;
    for (unsigned i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (!strcmp(given[1], actions[i].name)) {
            for (int times = atoi(given[2]); times > 0; times--)
                actions[i].act(more);
            return 0;
        }
    fprintf(stderr, "no action %s\n", given[1]);
    return 1;
}
