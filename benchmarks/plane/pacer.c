/* What a C program reaches: pacer HOST PORT COUNT sends COUNT RTP packets, one every 20 ms, sleeping until absolute
 * deadlines with clock_nanosleep. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

int main(int argc, char **argv) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    uint8_t data[172] = {0x80, 0};
    struct timespec due;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    inet_pton(AF_INET, argv[1], &to.sin_addr);
    clock_gettime(CLOCK_MONOTONIC, &due);
    for (int k = 0; k < atoi(argv[3]); k++) {
        data[2] = k >> 8; data[3] = k;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        sendto(fd, data, sizeof data, 0, (struct sockaddr *)&to, sizeof to);
        due.tv_nsec += 20000000;
        if (due.tv_nsec >= 1000000000) { due.tv_nsec -= 1000000000; due.tv_sec++; }
    }
    return 0;
}
