/* The limit of media reception: takes Twilio's media messages from every socket, decodes them and keeps the audio.
 *
 * usage: media PORT GATHER_MS STATS
 * It does what no product may: it answers every upgrade without looking at it, and finds the fields of a message by the
 * order in which the caller writes them. GATHER_MS: how long a packet waits at most until all sockets are looked at, that
 * turn included, as in voice/gathering.py. STATS: a file for one line of JSON, written when the last socket has gone.
 */
#define _GNU_SOURCE
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
static unsigned char value_of[256];
static unsigned delays_us[DELAY_MAX_US + 1];
static long frames, gaps, open_count;
static const char *stats_path;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static size_t decode(const unsigned char *text, const unsigned char *end, unsigned char *out) {
    unsigned char *at = out;
    for (; text + 4 <= end; text += 4) {
        unsigned four = (unsigned)value_of[text[0]] << 18 | (unsigned)value_of[text[1]] << 12 |
                        (unsigned)value_of[text[2]] << 6 | value_of[text[3]];
        *at++ = (unsigned char)(four >> 16);
        *at++ = (unsigned char)(four >> 8);
        *at++ = (unsigned char)four;
    }
    while (text > out && at > out && end[-1] == '=') {
        at--;
        end--;
    }
    return (size_t)(at - out);
}

static void heard(struct call *call, const unsigned char *text, size_t length) {
    unsigned char audio[4096];
    const unsigned char *end = text + length, *at;
    uint64_t sent_ns;
    struct timespec now;
    if (!memmem(text, length, "\"media\":{", 9)) return;
    if (!(at = memmem(text, length, "\"track\":\"", 9))) return;
    struct track *track = &call->tracks[at[9] == 'o'];
    if (!(at = memmem(at, (size_t)(end - at), "\"timestamp\":\"", 13))) return;
    long timestamp_ms = strtol((const char *)at + 13, NULL, 10);
    if (!(at = memmem(at, (size_t)(end - at), "\"payload\":\"", 11))) return;
    at += 11;
    const unsigned char *closing = memchr(at, '"', (size_t)(end - at));
    if (!closing || closing - at > 5000) return;
    size_t size = decode(at, closing, audio);
    frames++;
    if (timestamp_ms != track->next_ms) gaps++;
    track->next_ms = timestamp_ms + 20;
    if (track->length + size > TRACK_BYTES) track->length = 0;
    memcpy(track->audio + track->length, audio, size);
    track->length += size;
    if (timestamp_ms % 500 == 0) {
        memcpy(&sent_ns, audio, sizeof sent_ns);
        clock_gettime(CLOCK_MONOTONIC, &now);
        uint64_t delay = ((uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec - sent_ns) / 1000;
        delays_us[delay > DELAY_MAX_US ? DELAY_MAX_US : delay]++;
    }
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

/* Whole frames of the buffer, unmasked in place. */
static void take_frames(struct call *call) {
    size_t at = 0;
    while (call->length - at >= 2) {
        unsigned char *frame = call->buffer + at;
        size_t length = frame[1] & 127, head = 2;
        if (length == 126) {
            if (call->length - at < 4) break;
            length = (size_t)frame[2] << 8 | frame[3];
            head = 4;
        }
        if (call->length - at < head + 4 + length) break;
        unsigned char *mask = frame + head, *text = mask + 4;
        for (size_t i = 0; i < length; i++) text[i] ^= mask[i & 3];
        if ((frame[0] & 15) == 1) heard(call, text, length);
        at += head + 4 + length;
    }
    memmove(call->buffer, call->buffer + at, call->length - at);
    call->length -= at;
}

static void readable(int fd) {
    struct call *call = calls[fd];
    ssize_t got = recv(fd, call->buffer + call->length, BUFFER_BYTES - call->length, 0);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) gone(fd);
        return;
    }
    call->length += (size_t)got;
    if (!call->upgraded) {
        unsigned char *end = memmem(call->buffer, call->length, "\r\n\r\n", 4);
        if (!end) return;
        if (send(fd, ACCEPT, sizeof ACCEPT - 1, MSG_NOSIGNAL) < 0) return gone(fd);
        call->upgraded = 1;
        call->length -= (size_t)(end + 4 - call->buffer);
        memmove(call->buffer, end + 4, call->length);
    }
    take_frames(call);
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
    long gather_ns = atol(values[2]) * 1000000, began_ns = 0, lasted_ns = 0;
    stats_path = values[3];
    for (int i = 0; i < 64; i++)
        value_of[(unsigned char)"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[i]] = (unsigned char)i;
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
            wanted.data.fd = fd;
            epoll_ctl(poll, EPOLL_CTL_ADD, fd, &wanted);
        }
        lasted_ns = now_ns() - began_ns;
    }
}
