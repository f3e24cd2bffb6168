/* One static program that does what a scenario needs, under whatever name it is copied to: the
 * sensor then sees the real call of a process with that name, in containers without any library.
 *
 *   run PATH ARGV0 ARG...      start PATH in a child with these arguments (argv[0] included), wait for it
 *   exec PATH ARGV0 ARG...     become PATH
 *   pty PATH ARGV0 ARG...      start PATH in a child that leads a session on a terminal of its own
 *   memfd NAME PATH ARGV0 ARG...  become a copy of PATH that exists in memory only, under this name
 *   session ACTION...          in a child that leads a session without a terminal
 *   as UID ACTION...           with that user id
 *   wait SECONDS ACTION...     later
 *   open FLAGS PATH            FLAGS of r w + (read-write) a t c: append, truncate, create
 *   creat PATH
 *   tcp|udp ADDRESS PORT       connect without waiting for the answer
 *   unix PATH                  connect to a Unix socket
 *   symlink TARGET PATH, hardlink OLD NEW
 *   packet                     open a packet socket
 *   stream NUMBER              make a network socket this descriptor
 *   module                     load an empty kernel module, which the kernel refuses
 *   attach                     trace a child of one's own
 *   traceme                    ask to be traced
 *   hammer SECONDS PATH        open PATH as often as possible; prints how often
 *
 * Prints what failed and exits with 1, so that a scenario that did not take place fails its test.
 * A refused or unreachable connection is no failure.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int failed(const char *what)
{
    fprintf(stderr, "act: %s: %s\n", what, strerror(errno));
    return 1;
}

static int wait_for(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return failed("wait");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int become(char **argv)
{
    execv(argv[0], argv + 1);
    return failed(argv[0]);
}

static int run(char **argv)
{
    pid_t child = fork();
    if (child == 0)
        _exit(become(argv));
    return child < 0 ? failed("fork") : wait_for(child);
}

static int on_terminal(char **argv)
{
    int terminal;
    char buffer[4096];
    pid_t child = forkpty(&terminal, NULL, NULL, NULL);
    if (child < 0)
        return failed("forkpty");
    if (child == 0)
        _exit(become(argv));
    while (read(terminal, buffer, sizeof buffer) > 0)
        ;
    return wait_for(child);
}

static int from_memory(char **argv)
{
    char buffer[65536];
    ssize_t got;
    int source = open(argv[1], O_RDONLY | O_CLOEXEC), copy = memfd_create(argv[0], MFD_CLOEXEC);
    if (source < 0 || copy < 0)
        return failed(argv[1]);
    while ((got = read(source, buffer, sizeof buffer)) > 0)
        if (write(copy, buffer, got) != got)
            return failed("memfd");
    fexecve(copy, argv + 2, environ);
    return failed("fexecve");
}

static int open_file(const char *letters, const char *path)
{
    int flags = strchr(letters, '+') ? O_RDWR : strchr(letters, 'w') ? O_WRONLY : O_RDONLY;
    flags |= (strchr(letters, 'a') ? O_APPEND : 0) | (strchr(letters, 't') ? O_TRUNC : 0);
    flags |= strchr(letters, 'c') ? O_CREAT : 0;
    return open(path, flags | O_CLOEXEC | O_NONBLOCK, 0644) < 0 ? failed(path) : 0;
}

static int connect_to(int type, const char *address, int port)
{
    union { struct sockaddr any; struct sockaddr_in v4; struct sockaddr_in6 v6; } to = {0};
    int six = strchr(address, ':') != NULL;
    int made = socket(six ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (made < 0)
        return failed("socket");
    to.any.sa_family = six ? AF_INET6 : AF_INET;
    if (inet_pton(to.any.sa_family, address, six ? (void *)&to.v6.sin6_addr : (void *)&to.v4.sin_addr) != 1)
        return failed(address);
    if (six)
        to.v6.sin6_port = htons(port);
    else
        to.v4.sin_port = htons(port);
    connect(made, &to.any, six ? sizeof to.v6 : sizeof to.v4);
    return 0;
}

static int connect_unix(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made < 0)
        return failed("socket");
    strncpy(to.sun_path, path, sizeof to.sun_path - 1);
    connect(made, (struct sockaddr *)&to, sizeof to);
    return 0;
}

static int make_stream(int number)
{
    int made = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (made < 0)
        return failed("socket");
    return dup2(made, number) < 0 ? failed("dup2") : 0;
}

static int attach(void)
{
    pid_t child = fork();
    if (child < 0)
        return failed("fork");
    if (child == 0) {
        pause();
        _exit(0);
    }
    int result = ptrace(PTRACE_SEIZE, child, 0, 0) < 0 ? failed("ptrace") : 0;
    kill(child, SIGKILL);
    wait_for(child);
    return result;
}

static int hammer(double seconds, const char *path)
{
    struct timespec start, now;
    unsigned long count = 0;
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        for (int i = 0; i < 1000; i++, count++) {
            int opened = open(path, O_RDONLY | O_CLOEXEC);
            if (opened < 0)
                return failed(path);
            close(opened);
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec - start.tv_sec + (now.tv_nsec - start.tv_nsec) / 1e9 < seconds);
    printf("%lu\n", count);
    return 0;
}

static int act(int argc, char **argv)
{
    const char *what = argc > 0 ? argv[0] : "";
    if (argc > 2 && !strcmp(what, "run"))
        return run(argv + 1);
    if (argc > 2 && !strcmp(what, "exec"))
        return become(argv + 1);
    if (argc > 2 && !strcmp(what, "pty"))
        return on_terminal(argv + 1);
    if (argc > 3 && !strcmp(what, "memfd"))
        return from_memory(argv + 1);
    if (argc > 1 && !strcmp(what, "session")) {
        pid_t child = fork();
        if (child == 0)
            _exit(setsid() < 0 ? failed("setsid") : act(argc - 1, argv + 1));
        return child < 0 ? failed("fork") : wait_for(child);
    }
    if (argc > 2 && !strcmp(what, "as")) {
        uid_t user = atoi(argv[1]);
        return setresgid(user, user, user) || setresuid(user, user, user) ? failed("setuid") : act(argc - 2, argv + 2);
    }
    if (argc > 2 && !strcmp(what, "wait")) {
        struct timespec pause = {.tv_sec = atoi(argv[1])};
        nanosleep(&pause, NULL);
        return act(argc - 2, argv + 2);
    }
    if (argc == 3 && !strcmp(what, "open"))
        return open_file(argv[1], argv[2]);
    if (argc == 2 && !strcmp(what, "creat"))
        return creat(argv[1], 0644) < 0 ? failed(argv[1]) : 0;
    if (argc == 3 && (!strcmp(what, "tcp") || !strcmp(what, "udp")))
        return connect_to(*what == 't' ? SOCK_STREAM : SOCK_DGRAM, argv[1], atoi(argv[2]));
    if (argc == 2 && !strcmp(what, "unix"))
        return connect_unix(argv[1]);
    if (argc == 3 && !strcmp(what, "symlink"))
        return symlink(argv[1], argv[2]) ? failed(argv[2]) : 0;
    if (argc == 3 && !strcmp(what, "hardlink"))
        return link(argv[1], argv[2]) ? failed(argv[2]) : 0;
    if (argc == 1 && !strcmp(what, "packet"))
        return socket(AF_PACKET, SOCK_RAW, 0) < 0 ? failed("socket") : 0;
    if (argc == 2 && !strcmp(what, "stream"))
        return make_stream(atoi(argv[1]));
    if (argc == 1 && !strcmp(what, "module"))
        return syscall(SYS_init_module, NULL, 0, "") ? failed("init_module") : 0;
    if (argc == 1 && !strcmp(what, "attach"))
        return attach();
    if (argc == 1 && !strcmp(what, "traceme"))
        return ptrace(PTRACE_TRACEME, 0, 0, 0) ? failed("ptrace") : 0;
    if (argc == 3 && !strcmp(what, "hammer"))
        return hammer(atof(argv[1]), argv[2]);
    fprintf(stderr, "act: no such action: %s\n", what);
    return 2;
}

int main(int argc, char **argv)
{
    return act(argc - 1, argv + 1);
}
