/* The carrier's side of many calls: opens media sockets and sends both tracks' frames, each in a packet of its own.
 *
 * usage: caller PORT CALLS FRAMES PACE HEADERS
 * FRAMES: of 20 ms, for each track. PACE: 1 is true time, 0 is as fast as the sockets take them.
 * HEADERS: further lines of the upgrade, "\n" between them.
 * When all sockets are open it prints "open" and waits for a line before the sound, and after the sound for another before
 * it closes them, so that the sound's cost can be told from that of opening and closing; without an input it does not wait.
 * Prints one line of JSON: frames sent, how late the sender itself was at the 99th percentile, whether a socket was full.
 * The first eight bytes of each frame's audio are the nanoseconds of the monotonic clock at which it was sent.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CALLS_MAX 8192
#define FRAME_MS 20
#define LATE_MAX_US 200000

static const unsigned char MASK[4] = {0x37, 0xfa, 0x21, 0x3d};
static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static int sockets[CALLS_MAX];
static unsigned late_us[LATE_MAX_US + 1];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static void encode(const unsigned char *bytes, size_t length, char *text) {
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        unsigned three = bytes[i] << 16 | (left > 1 ? bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0);
        *text++ = BASE64[three >> 18];
        *text++ = BASE64[three >> 12 & 63];
        *text++ = left > 1 ? BASE64[three >> 6 & 63] : '=';
        *text++ = left > 2 ? BASE64[three & 63] : '=';
    }
    *text = 0;
}

static void wait_for_line(void) {
    int read;
    fflush(stdout);
    while ((read = getchar()) != '\n' && read != EOF) {}
}

/* A masked text frame. Returns its length. */
static size_t frame_of(const char *text, unsigned char *frame) {
    size_t length = strlen(text), head = 2;
    frame[0] = 0x81;
    if (length < 126) {
        frame[1] = 0x80 | (unsigned char)length;
    } else {
        frame[1] = 0x80 | 126;
        frame[2] = (unsigned char)(length >> 8);
        frame[3] = (unsigned char)length;
        head = 4;
    }
    memcpy(frame + head, MASK, 4);
    for (size_t i = 0; i < length; i++) frame[head + 4 + i] = (unsigned char)text[i] ^ MASK[i & 3];
    return head + 4 + length;
}

/* 0 when the socket cannot take the whole frame now. */
static int say(int call, const char *text, int wait) {
    unsigned char frame[2048];
    size_t length = frame_of(text, frame);
    ssize_t written = send(sockets[call], frame, length, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
    if (written < 0 && errno != EAGAIN) fail("send");
    return written == (ssize_t)length;
}

static void open_call(int call, int port, const char *headers) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    char text[4096];
    size_t length = 0;
    int one = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if ((sockets[call] = socket(AF_INET, SOCK_STREAM, 0)) < 0) fail("socket");
    if (connect(sockets[call], (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
    setsockopt(sockets[call], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    snprintf(text, sizeof text,
             "GET /twilio/media/ HTTP/1.1\r\nHost: localhost:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
             port, headers);
    if (send(sockets[call], text, strlen(text), MSG_NOSIGNAL) < 0) fail("upgrade");
    while (!memmem(text, length, "\r\n\r\n", 4)) {
        ssize_t got = recv(sockets[call], text + length, sizeof text - 1 - length, 0);
        if (got <= 0) fail("upgrade refused");
        length += (size_t)got;
    }
    text[length] = 0;
    if (!strstr(text, " 101 ")) {
        fprintf(stderr, "%.200s\n", text);
        exit(1);
    }
    snprintf(text, sizeof text,
             "{\"event\":\"start\",\"sequenceNumber\":\"1\",\"start\":{\"accountSid\":\"AC0\",\"streamSid\":\"MZ%032d\","
             "\"callSid\":\"CA%032d\",\"tracks\":[\"inbound\",\"outbound\"],\"mediaFormat\":{\"encoding\":"
             "\"audio/x-mulaw\",\"sampleRate\":8000,\"channels\":1},\"customParameters\":{\"token\":\"t\"}},"
             "\"streamSid\":\"MZ%032d\"}",
             call, call, call);
    say(call, "{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}", 1);
    say(call, text, 1);
}

int main(int count, char **values) {
    static const char *TRACKS[] = {"inbound", "outbound"};
    unsigned char audio[160];
    char payload[256], text[1024], headers[2048] = "";
    long sent = 0, full = 0;
    if (count != 6) return 2;
    int port = atoi(values[1]), calls = atoi(values[2]), frames = atoi(values[3]);
    double pace = atof(values[4]);
    for (char *line = strtok(values[5], "\n"); line; line = strtok(NULL, "\n")) {
        strcat(headers, line);
        strcat(headers, "\r\n");
    }
    if (calls < 1 || calls > CALLS_MAX) return 2;
    for (int call = 0; call < calls; call++) open_call(call, port, headers);
    /* Every server has looked at its start messages before the sound begins. */
    sleep(1);
    puts("open");
    wait_for_line();
    memset(audio, 0xff, sizeof audio);
    encode(audio, sizeof audio, payload);
    uint64_t began = now_ns(), step = (uint64_t)(FRAME_MS * 1e6 * pace);
    for (int number = 0; number < frames && !full; number++) {
        for (int call = 0; call < calls && !full; call++) {
            uint64_t due = began + (uint64_t)number * step + step * (uint64_t)call / (uint64_t)calls, now = now_ns();
            if (now < due) {
                struct timespec at = {.tv_sec = (time_t)(due / 1000000000ull), .tv_nsec = (long)(due % 1000000000ull)};
                clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
                now = now_ns();
            }
            uint64_t late = pace > 0 ? (now - due) / 1000 : 0;
            late_us[late > LATE_MAX_US ? LATE_MAX_US : late]++;
            for (int track = 0; track < 2; track++) {
                now = now_ns();
                memcpy(audio, &now, sizeof now);
                encode(audio, 12, payload);
                payload[16] = '/';
                snprintf(text, sizeof text,
                         "{\"event\":\"media\",\"sequenceNumber\":\"%d\",\"media\":{\"track\":\"%s\",\"chunk\":\"%d\","
                         "\"timestamp\":\"%d\",\"payload\":\"%s\"},\"streamSid\":\"MZ%032d\"}",
                         2 * number + track + 2, TRACKS[track], number + 1, number * FRAME_MS, payload, call);
                if (say(call, text, pace == 0)) sent++;
                else full++;
            }
        }
    }
    usleep(500000);
    long total = 0, below = 0;
    int p99 = 0;
    for (int us = 0; us <= LATE_MAX_US; us++) total += late_us[us];
    for (; p99 < LATE_MAX_US && (below += late_us[p99]) < total * 99 / 100; p99++) {}
    printf("{\"sent\": %ld, \"late_ms_p99\": %.3f, \"full\": %s}\n", sent, p99 / 1000.0, full ? "true" : "false");
    wait_for_line();
    for (int call = 0; call < calls; call++) close(sockets[call]);
    return 0;
}
