/* The activity whose cost is measured: `work KIND STEPS`, or `work flood OPENS_A_SECOND SECONDS`.
 *
 *   exec     fork, run /bin/true, wait
 *   open     open /etc/hostname, read 64 bytes, close
 *   write    write one byte to /dev/null, getpid
 *   connect  a TCP connection to a listener of our own on loopback: socket, connect, accept, close both
 *   mixed    what a busy machine does between program starts: 64 times open, 512 times write, 4 times connect, exec
 *   flood    open and close /etc/hostname so many times a second, 0 for as often as possible
 *
 * Prints `steps wall cpu`: seconds by the steady clock and of processor time, waited-for children included. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HARMLESS "/etc/hostname"

static int listener = -1;
static int nowhere = -1;
static struct sockaddr_in here;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec * 1e-9;
}

static double used_by(int who)
{
    struct rusage u;
    getrusage(who, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

static void do_exec(void)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/true", "/bin/true", (char *)NULL);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status)
        errx(1, "/bin/true did not run");
}

static void do_open(void)
{
    char some[64];
    int fd = open(HARMLESS, O_RDONLY);
    if (fd < 0 || read(fd, some, sizeof(some)) < 0)
        err(1, HARMLESS);
    close(fd);
}

static void do_write(void)
{
    if (write(nowhere, "", 1) != 1)
        err(1, "/dev/null");
    syscall(SYS_getpid); /* libc's own might not ask the kernel */
}

static void do_connect(void)
{
    /* Reset instead of an orderly end: otherwise the used ports wait for a minute each and run out. */
    const struct linger reset = {.l_onoff = 1};
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client < 0 || connect(client, (struct sockaddr *)&here, sizeof(here)))
        err(1, "connect");
    int server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (server < 0)
        err(1, "accept");
    setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(client);
    close(server);
}

static void do_mixed(void)
{
    for (int i = 0; i < 64; i++) {
        do_open();
        for (int k = 0; k < 8; k++)
            do_write();
        if (i % 16 == 0)
            do_connect();
    }
    do_exec();
}

static long flood(double rate, double span)
{
    double begin = seconds(), now = begin;
    long done = 0;
    while (now < begin + span) {
        long due = rate > 0 ? (long)((now - begin) * rate) : done + 512;
        if (due <= done)
            usleep(100);
        for (int burst = 0; done < due && burst < 4096; done++, burst++) {
            int fd = open(HARMLESS, O_RDONLY);
            if (fd < 0)
                err(1, HARMLESS);
            close(fd);
        }
        now = seconds();
    }
    return done;
}

static void prepare(void)
{
    socklen_t size = sizeof(here);
    nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (nowhere < 0 || listener < 0 || bind(listener, (struct sockaddr *)&here, size) || listen(listener, 16) ||
        getsockname(listener, (struct sockaddr *)&here, &size))
        err(1, "preparing");
}

static const struct {
    const char *name;
    void (*step)(void);
} kinds[] = {{"exec", do_exec}, {"open", do_open}, {"write", do_write}, {"connect", do_connect}, {"mixed", do_mixed}};

int main(int argc, char **argv)
{
    if (argc < 3)
        errx(2, "work KIND STEPS, or work flood OPENS_A_SECOND SECONDS");
    prepare();
    long steps = -1;
    double began = seconds(), used = used_by(RUSAGE_SELF);
    if (!strcmp(argv[1], "flood") && argc == 4)
        steps = flood(atof(argv[2]), atof(argv[3]));
    for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
        if (!strcmp(argv[1], kinds[k].name))
            for (steps = 0; steps < atol(argv[2]); steps++)
                kinds[k].step();
    if (steps < 0)
        errx(2, "no such kind: %s", argv[1]);
    double wall = seconds() - began;
    printf("%ld %.9f %.9f\n", steps, wall, used_by(RUSAGE_SELF) - used + used_by(RUSAGE_CHILDREN));
    return 0;
}
