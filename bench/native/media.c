/* The limit of media reception: takes Twilio's media messages from every socket, decodes them and keeps the audio.
 *
 * usage: media PORT GATHER_MS STATS
 * It does what no product may: it answers every upgrade without looking at it, and has nobody to go to with what is not plain. Sound is
 * decoded as the product does it. GATHER_MS: how long a packet waits at most until all sockets are looked at, that
 * turn included, as in voice/gathering.py. STATS: a file for one line of JSON, written when the last socket has gone.
 */
#define _GNU_SOURCE
#include "../../voice/native/plain.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SOCKETS_MAX 16384
#define BUFFER_BYTES 16384
#define TRACK_BYTES 81920
#define DELAY_MAX_US 1000000
#define EVENTS 4096
#define DRAIN_EVERY_NS 64000000

struct track {
    long next_ms;
    size_t length;
    unsigned char audio[TRACK_BYTES];
};

struct call {
    int upgraded;
    size_t length;
    unsigned char buffer[BUFFER_BYTES];
    struct track tracks[2];
};

static const char ACCEPT[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: none\r\n\r\n";
static struct call *calls[SOCKETS_MAX];
static int highest;
static unsigned delays_us[DELAY_MAX_US + 1];
static long frames, gaps, open_count;
static const char *stats_path;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void heard(struct call *call, const struct plain *plain) {
    uint64_t sent_ns;
    struct timespec now;
    struct track *track = &call->tracks[plain->track];
    frames++;
    if (plain->start_ms != track->next_ms) gaps++;
    track->next_ms = plain->start_ms + 20;
    if (track->length + (size_t)plain->length > TRACK_BYTES) track->length = 0;
    memcpy(track->audio + track->length, plain->sound, (size_t)plain->length);
    track->length += (size_t)plain->length;
    if (plain->start_ms % 500 == 0) {
        memcpy(&sent_ns, plain->sound, sizeof sent_ns);
        clock_gettime(CLOCK_MONOTONIC, &now);
        uint64_t delay = ((uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec - sent_ns) / 1000;
        delays_us[delay > DELAY_MAX_US ? DELAY_MAX_US : delay]++;
    }
}

/* As the product's listener, which takes what has come once a tick. */
static void drain(void) {
    for (int fd = 0; fd <= highest; fd++)
        if (calls[fd]) calls[fd]->tracks[0].length = calls[fd]->tracks[1].length = 0;
}

static void say_stats(void) {
    long total = 0, below = 0;
    int p99 = 0;
    for (int us = 0; us <= DELAY_MAX_US; us++) total += delays_us[us];
    for (; p99 < DELAY_MAX_US && (below += delays_us[p99]) < total * 99 / 100; p99++) {}
    char hidden[1024];
    snprintf(hidden, sizeof hidden, "%s.part", stats_path);
    FILE *file = fopen(hidden, "w");
    if (!file) fail("stats");
    fprintf(file, "{\"frames\": %ld, \"gaps\": %ld, \"dropped\": 0, \"delay_ms_p99\": %.3f}\n", frames, gaps, p99 / 1000.0);
    fclose(file);
    rename(hidden, stats_path);
    frames = gaps = 0;
    memset(delays_us, 0, sizeof delays_us);
}

static void gone(int fd) {
    close(fd);
    free(calls[fd]);
    calls[fd] = NULL;
    if (--open_count == 0) say_stats();
}

/* Whole frames of what was read. How many bytes they are. */
static size_t take_frames(struct call *call, const unsigned char *read, size_t size) {
    static uint8_t text[PLAIN_BYTES_MAX];
    static struct plain plain;
    size_t at = 0;
    while (size - at >= 2) {
        const unsigned char *frame = read + at;
        size_t length = frame[1] & 127, head = 2;
        if (length == 126) {
            if (size - at < 4) break;
            length = (size_t)frame[2] << 8 | frame[3];
            head = 4;
        }
        if (size - at < head + 4 + length) break;
        if (length <= PLAIN_BYTES_MAX) {
            unmask(frame + head + 4, length, frame + head, text);
            if (understood((struct text){text, text + length}, &plain)) heard(call, &plain);
        }
        at += head + 4 + length;
    }
    return at;
}

static void readable(int fd) {
    static unsigned char fresh[BUFFER_BYTES];
    struct call *call = calls[fd];
    /* Mostly whole frames come, which need no place of their own. */
    unsigned char *read = call->length ? call->buffer : fresh;
    ssize_t got = recv(fd, read + call->length, BUFFER_BYTES - call->length, 0);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) gone(fd);
        return;
    }
    size_t size = call->length + (size_t)got, at = 0;
    if (!call->upgraded) {
        unsigned char *end = memmem(read, size, "\r\n\r\n", 4);
        if (end) {
            if (send(fd, ACCEPT, sizeof ACCEPT - 1, MSG_NOSIGNAL) < 0) return gone(fd);
            call->upgraded = 1;
            at = (size_t)(end + 4 - read);
        }
    }
    if (call->upgraded) at += take_frames(call, read + at, size - at);
    call->length = size - at;
    memmove(call->buffer, read + at, call->length);
}

static long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

static void sleep_until(long due_ns) {
    struct timespec due = {.tv_sec = due_ns / 1000000000, .tv_nsec = due_ns % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

int main(int count, char **values) {
    static struct epoll_event events[EVENTS];
    struct epoll_event wanted = {.events = EPOLLIN};
    struct sockaddr_in address = {.sin_family = AF_INET};
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0), poll = epoll_create1(0);
    if (count != 4) return 2;
    long gather_ns = atol(values[2]) * 1000000, began_ns = 0, lasted_ns = 0, drained_ns = 0;
    stats_path = values[3];
    learn_base64();
    address.sin_port = htons((uint16_t)atoi(values[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
    if (listen(listener, 1024) < 0) fail("listen");
    wanted.data.fd = listener;
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &wanted);
    for (;;) {
        if (gather_ns) sleep_until(began_ns + gather_ns - lasted_ns);
        int ready = epoll_wait(poll, events, EVENTS, gather_ns ? 0 : -1);
        if (!ready) ready = epoll_wait(poll, events, EVENTS, -1);
        began_ns = now_ns();
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd != listener) {
                readable(fd);
                continue;
            }
            if ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) < 0) continue;
            if (fd >= SOCKETS_MAX || !(calls[fd] = calloc(1, sizeof(struct call)))) {
                close(fd);
                continue;
            }
            open_count++;
            if (fd > highest) highest = fd;
            wanted.data.fd = fd;
            epoll_ctl(poll, EPOLL_CTL_ADD, fd, &wanted);
        }
        if (began_ns - drained_ns >= DRAIN_EVERY_NS) {
            drain();
            drained_ns = began_ns;
        }
        lasted_ns = now_ns() - began_ns;
    }
}
