/* Peers of a relay: N sockets that each send RTP every 20 ms, evenly out of phase, and count what comes back.
 *
 * load HOST N   prints the N ports on one line, reads N targets ("HOST PORT", of the relay) from standard input, then for
 * each line "SECONDS" runs so long, waits a little for what is under way, and prints "sent received gap_ns delay_ns":
 * packets sent and received, the longest time between two packets of one stream (by the kernel's stamps), and the median
 * time from sending to the stamp of arrival. The thread that sends sleeps until absolute deadlines.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 4096, SAMPLES = 1 << 20 };

static int fds[MOST], peers;
static struct sockaddr_in targets[MOST];
static int64_t sent, received, gap_ns, last_ns[MOST];
static int64_t delays[SAMPLES], samples;
static volatile int ended;

static int64_t now_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void *hear(void *arg) {
    int epoll = *(int *)arg;
    struct epoll_event ready[64];
    uint8_t data[2048], note[64];
    while (!ended) {
        int n = epoll_wait(epoll, ready, 64, 50);
        for (int k = 0; k < n; k++) {
            int side = ready[k].data.u32;
            for (;;) {
                struct iovec vector = {data, sizeof data};
                struct msghdr h = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = note, .msg_controllen = 64};
                ssize_t size = recvmsg(fds[side], &h, MSG_DONTWAIT);
                if (size < 0) break;
                if (size < 20) continue;
                struct cmsghdr *c = CMSG_FIRSTHDR(&h);
                struct timespec t = {0};
                int64_t left_ns;
                if (c) memcpy(&t, CMSG_DATA(c), sizeof t);
                int64_t at_ns = t.tv_sec * 1000000000LL + t.tv_nsec;
                memcpy(&left_ns, data + 12, 8);
                if (samples < SAMPLES) delays[samples++] = at_ns - left_ns;
                if (last_ns[side] && at_ns - last_ns[side] > gap_ns) gap_ns = at_ns - last_ns[side];
                last_ns[side] = at_ns;
                received++;
            }
        }
    }
    return NULL;
}

static int ascending(const void *a, const void *b) {
    int64_t d = *(const int64_t *)a - *(const int64_t *)b;
    return d < 0 ? -1 : d > 0;
}

static void speak(double seconds) {
    static uint16_t sequence;
    static uint32_t timestamp;
    uint8_t data[172] = {0x80, 0};
    int64_t start = now_ns(CLOCK_MONOTONIC) + 1000000, step = 20000000 / peers;
    for (int64_t frame = 0; frame < (int64_t)(seconds * 50); frame++, sequence++, timestamp += 160)
        for (int k = 0; k < peers; k++) {
            int64_t due = start + frame * 20000000 + k * step;
            struct timespec t = {due / 1000000000, due % 1000000000};
            if (now_ns(CLOCK_MONOTONIC) < due) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
            uint16_t s = htons(sequence);
            uint32_t ts = htonl(timestamp), ssrc = htonl(1000 + k);
            int64_t now = now_ns(CLOCK_REALTIME);
            memcpy(data + 2, &s, 2); memcpy(data + 4, &ts, 4); memcpy(data + 8, &ssrc, 4); memcpy(data + 12, &now, 8);
            sent += sendto(fds[k], data, sizeof data, 0, (struct sockaddr *)&targets[k], sizeof targets[k]) > 0;
        }
}

int main(int argc, char **argv) {
    int epoll = epoll_create1(0), on = 1, buffer = 4 << 20;
    double seconds;
    peers = atoi(argv[2]);
    for (int k = 0; k < peers; k++) {
        struct sockaddr_in own = {.sin_family = AF_INET};
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = k};
        socklen_t length = sizeof own;
        inet_pton(AF_INET, argv[1], &own.sin_addr);
        fds[k] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        setsockopt(fds[k], SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
        setsockopt(fds[k], SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
        if (bind(fds[k], (struct sockaddr *)&own, sizeof own)) { perror("bind"); return 1; }
        getsockname(fds[k], (struct sockaddr *)&own, &length);
        printf("%d ", ntohs(own.sin_port));
        epoll_ctl(epoll, EPOLL_CTL_ADD, fds[k], &event);
    }
    printf("\n"); fflush(stdout);
    for (int k = 0; k < peers; k++) {
        char host[64];
        int port;
        if (scanf("%63s %d", host, &port) != 2) return 1;
        targets[k].sin_family = AF_INET;
        targets[k].sin_port = htons(port);
        inet_pton(AF_INET, host, &targets[k].sin_addr);
    }
    while (scanf("%lf", &seconds) == 1) {
        pthread_t ear;
        sent = received = gap_ns = samples = ended = 0;
        memset(last_ns, 0, sizeof last_ns);
        pthread_create(&ear, NULL, hear, &epoll);
        speak(seconds);
        usleep(300000);
        ended = 1;
        pthread_join(ear, NULL);
        qsort(delays, samples, sizeof delays[0], ascending);
        printf("%ld %ld %ld %ld\n", (long)sent, (long)received, (long)gap_ns, (long)(samples ? delays[samples / 2] : 0));
        fflush(stdout);
    }
}
