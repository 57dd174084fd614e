/* A relay that makes the system calls of voxlab's media thread: the yardstick of how close compiled Python comes to C.
 *
 * twin HOST PEER_HOST PEER_PORT...   Opens a socket for each peer, prints their ports on one line, relays what peer 2k
 * sends to peer 2k+1 and back: recvmmsg in batches of 32, a kernel stamp a datagram, a latch, a check of the RTP header,
 * a row of header columns into a buffer, sendmmsg. Ends when its standard input does.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 32, BYTES = 2048, ROWS = 1 << 18, EVENTS = 64, MOST = 4096 };

struct row { int64_t at_ns, side, source, target, size, fate; uint8_t head[16]; int64_t left_ns; };

static struct row rows[ROWS];
static int64_t count, strangers, broken;
static int fds[MOST];
static struct sockaddr_in peers[MOST];
static uint8_t data[BATCH][BYTES];
static struct sockaddr_in names[BATCH];
static uint8_t notes[BATCH][64];
static struct iovec vectors[BATCH], out_vectors[BATCH];
static struct mmsghdr inbox[BATCH], outbox[BATCH];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static int64_t now_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void tidy(int n) {
    for (int i = 0; i < n; i++) {
        struct msghdr *h = &inbox[i].msg_hdr;
        h->msg_name = &names[i]; h->msg_namelen = sizeof names[i];
        h->msg_iov = &vectors[i]; h->msg_iovlen = 1;
        h->msg_control = notes[i]; h->msg_controllen = sizeof notes[i];
        h->msg_flags = 0;
        vectors[i].iov_base = data[i]; vectors[i].iov_len = BYTES;
    }
}

static int64_t stamp_ns(struct msghdr *h, int64_t ahead_ns, int64_t now) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(c), sizeof t);
            int64_t at = t.tv_sec * 1000000000LL + t.tv_nsec - ahead_ns;
            return at <= now && now - at < 10000000000LL ? at : now;
        }
    return now;
}

static void send_all(int fd, int n) {
    for (int sent = 0; sent < n;) {
        int taken = sendmmsg(fd, outbox + sent, n - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (taken > 0) sent += taken;
        else if (errno != EINTR) sent++;
    }
}

static void serve(int side, int64_t ahead_ns, int64_t now) {
    int partner = side ^ 1, queued = 0;
    int n = recvmmsg(fds[side], inbox, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) {
        int size = inbox[i].msg_len;
        struct row *r = &rows[count % ROWS];
        r->at_ns = stamp_ns(&inbox[i].msg_hdr, ahead_ns, now);
        r->side = side; r->size = size; r->left_ns = now; r->fate = 0;
        memcpy(&r->source, &names[i].sin_port, 6);
        memcpy(&r->target, &peers[partner].sin_port, 6);
        memcpy(r->head, data[i], 16);
        count++;
        if (memcmp(&names[i].sin_port, &peers[side].sin_port, 6)) { strangers++; r->fate = 1; continue; }
        if (size < 12 || data[i][0] >> 6 != 2) { broken++; r->fate = 2; continue; }
        out_vectors[queued].iov_base = data[i]; out_vectors[queued].iov_len = size;
        outbox[queued].msg_hdr = (struct msghdr){.msg_name = &peers[partner], .msg_namelen = sizeof peers[partner],
                                                 .msg_iov = &out_vectors[queued], .msg_iovlen = 1};
        queued++;
    }
    if (queued) send_all(fds[partner], queued);
    if (n > 0) tidy(n);
}

int main(int argc, char **argv) {
    int sides = argc - 3, epoll = epoll_create1(0), on = 1, buffer = 4 << 20;
    struct epoll_event ready[EVENTS], event = {.events = EPOLLIN};
    for (int k = 0; k < sides; k++) {
        struct sockaddr_in own = {.sin_family = AF_INET};
        socklen_t length = sizeof own;
        inet_pton(AF_INET, argv[1], &own.sin_addr);
        fds[k] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        setsockopt(fds[k], SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
        setsockopt(fds[k], SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
        if (bind(fds[k], (struct sockaddr *)&own, sizeof own)) { perror("bind"); return 1; }
        getsockname(fds[k], (struct sockaddr *)&own, &length);
        printf("%d ", ntohs(own.sin_port));
        peers[k].sin_family = AF_INET;
        peers[k].sin_port = htons(atoi(argv[3 + k]));
        inet_pton(AF_INET, argv[2], &peers[k].sin_addr);
        event.data.u64 = k;
        epoll_ctl(epoll, EPOLL_CTL_ADD, fds[k], &event);
    }
    printf("\n"); fflush(stdout);
    event.data.u64 = MOST;
    epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &event);
    tidy(BATCH);
    for (;;) {
        int n = epoll_wait(epoll, ready, EVENTS, -1);
        pthread_mutex_lock(&mutex);
        int64_t real = now_ns(CLOCK_REALTIME), now = now_ns(CLOCK_MONOTONIC);
        for (int k = 0; k < n; k++) {
            if (ready[k].data.u64 == MOST) return 0;
            serve((int)ready[k].data.u64, real - now, now);
        }
        pthread_mutex_unlock(&mutex);
    }
}
