/* The limit of fan-out: subscribes to one Valkey channel and writes each message, framed once, to every open socket.
 *
 * usage: fanout PORT VALKEY_SOCKET CHANNEL
 * It does what no product may: it answers every upgrade without looking at it, and gives up on a socket that is slow.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKETS_MAX 4096
#define BUFFER_BYTES (1 << 20)

static const char ACCEPT[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: none\r\n\r\n";
static int open_sockets[SOCKETS_MAX], open_count;
static char inbox[BUFFER_BYTES], frame[BUFFER_BYTES];
static size_t inbox_length;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void forget(int fd) {
    for (int i = 0; i < open_count; i++)
        if (open_sockets[i] == fd) open_sockets[i] = open_sockets[--open_count];
    close(fd);
}

static void fan_out(const char *text, size_t length) {
    size_t head = 2;
    frame[0] = (char)0x81;
    if (length < 126) {
        frame[1] = (char)length;
    } else {
        frame[1] = 126;
        frame[2] = (char)(length >> 8);
        frame[3] = (char)(length & 255);
        head = 4;
    }
    memcpy(frame + head, text, length);
    for (int i = 0; i < open_count; i++) {
        ssize_t written = send(open_sockets[i], frame, head + length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (written != (ssize_t)(head + length)) forget(open_sockets[i--]);
    }
}

/* One RESP push: *3 $7 message $n channel $n payload. Returns its length, or 0 while it is incomplete. */
static size_t take_push(const char *data, size_t length) {
    const char *at = data, *end = data + length, *part = NULL;
    long parts, size = 0;
    const char *line = memchr(at, '\n', (size_t)(end - at));
    if (!line || *at != '*') return 0;
    parts = strtol(at + 1, NULL, 10);
    at = line + 1;
    for (long i = 0; i < parts; i++) {
        line = memchr(at, '\n', (size_t)(end - at));
        if (!line) return 0;
        if (*at == ':') {
            at = line + 1;
            continue;
        }
        size = strtol(at + 1, NULL, 10);
        part = line + 1;
        if (part + size + 2 > end) return 0;
        at = part + size + 2;
    }
    if (!memcmp(data, "*3\r\n$7\r\nmessage", 15)) fan_out(part, (size_t)size);
    return (size_t)(at - data);
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0), epoll = epoll_create1(0);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);

    int valkey = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un there = {.sun_family = AF_UNIX};
    strncpy(there.sun_path, argv[2], sizeof there.sun_path - 1);
    if (connect(valkey, (struct sockaddr *)&there, sizeof there)) fail("valkey");
    if (dprintf(valkey, "SUBSCRIBE %s\r\n", argv[3]) < 0) fail("subscribe");
    if (bind(listener, (struct sockaddr *)&here, sizeof here) || listen(listener, 1024)) fail("listen");

    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, ready[256];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    event.data.fd = valkey;
    epoll_ctl(epoll, EPOLL_CTL_ADD, valkey, &event);
    for (;;) {
        int count = epoll_wait(epoll, ready, 256, -1);
        for (int i = 0; i < count; i++) {
            int fd = ready[i].data.fd;
            if (fd == listener) {
                int fresh = accept(listener, NULL, NULL);
                setsockopt(fresh, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                event.data.fd = fresh;
                epoll_ctl(epoll, EPOLL_CTL_ADD, fresh, &event);
            } else if (fd == valkey) {
                ssize_t got = read(valkey, inbox + inbox_length, BUFFER_BYTES - inbox_length);
                if (got <= 0) fail("valkey went away");
                inbox_length += (size_t)got;
                size_t used;
                while (inbox_length && (used = take_push(inbox, inbox_length))) {
                    inbox_length -= used;
                    memmove(inbox, inbox + used, inbox_length);
                }
            } else {
                char request[4096];
                ssize_t got = recv(fd, request, sizeof request, MSG_DONTWAIT);
                if (got < 0 && errno == EAGAIN) continue;
                int is_upgrade = got > 4 && !memcmp(request, "GET ", 4);
                if (!is_upgrade) {
                    forget(fd);
                } else if (open_count < SOCKETS_MAX) {
                    send(fd, ACCEPT, sizeof ACCEPT - 1, MSG_NOSIGNAL);
                    open_sockets[open_count++] = fd;
                }
            }
        }
    }
}
