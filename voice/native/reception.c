/* Reads the media sockets of live calls: plain sound is taken out here, all else is handed to Python as it came.
 *
 * Sound stays here, in its track's order, until it is asked for, which the listener's tick does; then each track's ear is called
 * with it. So Python works for a tick and not for each packet. Nothing believes a length: each is compared with what has been read before a byte behind it is
 * touched. Only sockets whose upgrade bore the carrier's signature come here. Belongs to one thread,
 * which holds the interpreter's lock in all that is called here but while it waits.
 */
#define _GNU_SOURCE
#include "streams.h"
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#define READ_BYTES 65536
/* Where so much of one track waits, or in so many pieces, it is handed over at the end of the turn. */
#define SOON_BYTES 4096
#define SOON_STRETCHES 64
/* Where so much of one socket waits, it is not read on: the rest waits with its sender. */
#define WAITING_BYTES_MAX 262144
#define EVENTS_MAX 4096
#define FIN_TEXT 0x81
#define FIN_CONTROL 0x88
#define MASKED 0x80

/* As voice/reception.py reads them. */
enum { OTHER, LET_GO };
enum { SELECTED = 1, NEWS = 2, READERS = 4 };

struct record {
    int32_t socket, kind, offset, length;
};

/* Of Python's stable interface: PyBytes_FromStringAndSize, PyLong_FromLong, PyObject_Vectorcall, Py_IncRef, Py_DecRef. They are told at run time,
 * so that nobody needs Python's headers to compile this. */
struct python {
    void *(*bytes)(const char *, ssize_t);
    void *(*whole)(long);
    void *(*call)(void *, void *const *, size_t, void *);
    void (*retain)(void *);
    /* Takes NULL. */
    void (*release)(void *);
};
/* PY_VECTORCALL_ARGUMENTS_OFFSET: the place before the first argument may be written to. */
#define ONE_BEFORE ((size_t)1 << (8 * sizeof(size_t) - 1))

/* first_ns, last_ns: of the stretch that an ear gets just now; socket: whose it is. given: what is being given. */
struct reception {
    int64_t first_ns, last_ns;
    int64_t socket;
    struct python python;
    struct track given;
    int sockets, quiet, soon;
    int64_t gather_ns, hold_ns, look_due_ns, news_since_ns, read_ns;
    size_t room, news_count;
    struct stream **streams;
    int *news;
    /* Of a look in between: they are found again. */
    int unread[EVENTS_MAX];
    uint8_t read[READ_BYTES];
    struct epoll_event events[EVENTS_MAX];
};

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct stream *stream_of(const struct reception *all, int socket) {
    return socket >= 0 && (size_t)socket < all->room ? all->streams[socket] : NULL;
}

/* sockets: an epoll of all of them. gather_ns: from one look at them to the next at most, the look itself included. hold_ns: how
 * long what was read waits to be handed over at most. */
struct reception *reception_new(const struct python *python, int sockets, int64_t gather_ns, int64_t hold_ns) {
    struct reception *all = calloc(1, sizeof *all);
    if (!all) return NULL;
    learn_base64();
    all->python = *python;
    all->sockets = sockets;
    all->quiet = 1;
    all->gather_ns = gather_ns;
    all->hold_ns = hold_ns;
    return all;
}

void reception_free(struct reception *all) {
    for (size_t i = 0; i < all->room; i++)
        if (all->streams[i]) free_stream(all->streams[i]);
    free_track(&all->given);
    free(all->streams);
    free(all->news);
    free(all);
}

/* From now on what this socket brings is read here, from the beginning of a frame. */
int reception_take(struct reception *all, int socket) {
    if (socket < 0 || stream_of(all, socket)) return 0;
    if ((size_t)socket >= all->room) {
        size_t room = (size_t)socket * 2 + 64;
        struct stream **streams = realloc(all->streams, room * sizeof *streams);
        if (!streams) return 0;
        all->streams = streams;
        int *news = realloc(all->news, room * sizeof *news);
        if (!news) return 0;
        all->news = news;
        memset(streams + all->room, 0, (room - all->room) * sizeof *streams);
        all->room = room;
    }
    return (all->streams[socket] = calloc(1, sizeof(struct stream))) != NULL;
}

/* For whom plain sound is taken out; until then, and for NULL, all is handed on. */
void reception_hear(struct reception *all, int socket, void *inbound, void *outbound) {
    struct stream *stream = stream_of(all, socket);
    if (!stream) return;
    stream->ears[INBOUND] = inbound;
    stream->ears[OUTBOUND] = outbound;
}

/* Whether sound was taken out since this was last asked. */
int reception_heard(struct reception *all, int socket) {
    struct stream *stream = stream_of(all, socket);
    int heard = stream && stream->heard;
    if (stream) stream->heard = 0;
    return heard;
}

/* What this socket brings is no longer read here; what was not handed over is thrown away. */
void reception_drop(struct reception *all, int socket) {
    struct stream *stream = stream_of(all, socket);
    if (!stream) return;
    size_t kept = 0;
    for (size_t i = 0; i < all->news_count; i++)
        if (all->news[i] != socket) all->news[kept++] = all->news[i];
    all->news_count = kept;
    free_stream(stream);
    all->streams[socket] = NULL;
}

static int has_much(const struct track *track) {
    return track->sound.length > SOON_BYTES || track->count > SOON_STRETCHES;
}

/* Works through what was read, frame by frame. From the first one that is not plain sound, all is handed on. */
static int split(struct reception *all, struct stream *stream, size_t length) {
    uint8_t text[PLAIN_BYTES_MAX];
    struct plain plain;
    /* What has not been handed on yet must not be overtaken. */
    size_t at = 0, other_from = stream->other.length ? 0 : SIZE_MAX;
    while (length - at >= 2) {
        const uint8_t *frame = all->read + at;
        size_t size = frame[1] & 127, head = 6;
        int control = (frame[0] & ~3) == FIN_CONTROL && size < 126;
        if (size == 126) {
            if (length - at < 4) break;
            size = (size_t)frame[2] << 8 | frame[3];
            head = 8;
        }
        int shortest = head == 6 || size > 125;
        if (!(frame[1] & MASKED) || size > PLAIN_BYTES_MAX || (frame[1] & 127) == 127 || !shortest ||
            !(frame[0] == FIN_TEXT || control)) {
            /* Where this one ends the server above knows better, so it goes on reading by itself. */
            if (other_from == SIZE_MAX) other_from = at;
            stream->let_go = 1;
            at = length;
            break;
        }
        if (length - at < head + size) break;
        if (other_from == SIZE_MAX) {
            int sound = stream->ears[INBOUND] && !control;
            if (sound) {
                unmask(frame + head, size, frame + head - 4, text);
                sound = understood((struct text){text, text + size}, &plain);
            }
            if (!sound) other_from = at;
            else if (!keep(stream, &plain, all->read_ns)) return 0;
            else if (has_much(&stream->tracks[plain.track])) all->soon = 1;
        }
        at += head + size;
    }
    if (other_from != SIZE_MAX) {
        all->soon = 1;
        if (!append(&stream->other, all->read + other_from, at - other_from)) return 0;
    }
    stream->rest.length = 0;
    return append(&stream->rest, all->read + at, length - at);
}

static void read_socket(struct reception *all, struct stream *stream, int socket) {
    size_t rest = stream->rest.length, waiting = stream->other.length;
    for (int i = 0; i < TRACKS; i++) waiting += stream->tracks[i].sound.length;
    if (waiting > WAITING_BYTES_MAX) return;
    if (rest) memcpy(all->read, stream->rest.at, rest);
    ssize_t got = recv(socket, all->read + rest, READ_BYTES - rest, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    all->read_ns = now_ns();
    if (!stream->has_news) {
        stream->has_news = 1;
        if (!all->news_count) all->news_since_ns = all->read_ns;
        all->news[all->news_count++] = socket;
    }
    if (got <= 0) {
        /* Its end, or an error, which the server above comes upon by itself. */
        stream->let_go = 1;
        append(&stream->other, stream->rest.at, rest);
        stream->rest.length = 0;
    } else if (!split(all, stream, rest + (size_t)got)) {
        /* There is no memory, and part of what came is gone: nobody may read on as if it were there. */
        shutdown(socket, SHUT_RDWR);
        stream->let_go = 1;
    }
    if (stream->let_go) all->soon = 1;
}

/* Reads what has come. How many of the sockets are read by others, which are put into `readers`; -1 when nothing has come. */
static int look(struct reception *all, int *readers) {
    int found = epoll_wait(all->sockets, all->events, EVENTS_MAX, 0), others = 0;
    if (found <= 0) return -1;
    for (int i = 0; i < found; i++) {
        if (i + 2 < found) expect(stream_of(all, all->events[i + 2].data.fd));
        if (i + 1 < found) expect_reading(stream_of(all, all->events[i + 1].data.fd));
        int socket = all->events[i].data.fd;
        struct stream *stream = stream_of(all, socket);
        if (!stream) readers[others++] = socket;
        else if (!stream->let_go) read_socket(all, stream, socket);
    }
    return others;
}

/* As `look`, and says when the next one is due. How many of the sockets are read by others. */
static int look_when_due(struct reception *all, int *readers) {
    int64_t began_ns = now_ns();
    int others = look(all, readers);
    all->quiet = others < 0;
    /* Whoever comes right after this look waits for the next one, and then while that one lasts. */
    all->look_due_ns = began_ns + all->gather_ns - (now_ns() - began_ns);
    return others < 0 ? 0 : others;
}

/* Waits until `selected` is readable (SELECTED), there is something to hand over (NEWS), sockets have brought something to their own
 * readers (READERS: so many in `readers`, which has room for EVENTS_MAX), or the time is over. timeout_ns: negative for none. */
int reception_wait(struct reception *all, int selected, int64_t timeout_ns, int *readers, int *readers_count) {
    int64_t now = now_ns(), deadline_ns = timeout_ns < 0 ? INT64_MAX : now + timeout_ns;
    *readers_count = 0;
    for (;;) {
        struct pollfd ready[2] = {{.fd = selected, .events = POLLIN}, {.fd = all->sockets, .events = POLLIN}};
        int64_t until_ns = deadline_ns, news_due_ns = all->news_count ? all->news_since_ns + all->hold_ns : INT64_MAX;
        if (all->news_count && all->soon) news_due_ns = now;
        if (news_due_ns < until_ns) until_ns = news_due_ns;
        if (!all->quiet && all->look_due_ns < until_ns) until_ns = all->look_due_ns;
        int64_t left_ns = until_ns > now ? until_ns - now : 0;
        struct timespec left = {.tv_sec = left_ns / 1000000000, .tv_nsec = left_ns % 1000000000};
        if (ppoll(ready, all->quiet ? 2 : 1, until_ns == INT64_MAX ? NULL : &left, NULL) < 0) return SELECTED;
        now = now_ns();
        int why = ready[0].revents ? SELECTED : 0;
        /* At a timer's end the next look comes a little early: being woken once more costs more than a look. */
        int64_t early_ns = now >= deadline_ns ? all->gather_ns / 2 : 0;
        if (all->quiet ? ready[1].revents != 0 : now + early_ns >= all->look_due_ns) {
            *readers_count = look_when_due(all, readers);
            now = now_ns();
            if (*readers_count) why |= READERS;
        }
        if (all->news_count && (all->soon || now >= all->news_since_ns + all->hold_ns)) why |= NEWS;
        if (why || now >= deadline_ns) return why;
    }
}

/* 0 when Python has raised. */
static int give(struct reception *all, void *ear, const struct stretch *one) {
    const struct python *python = &all->python;
    void *arguments[4] = {NULL, NULL, NULL, NULL}, *answer = NULL;
    arguments[1] = python->bytes((const char *)all->given.sound.at + one->offset, one->length);
    arguments[2] = python->whole(one->start_ms);
    arguments[3] = python->whole(one->frames);
    all->first_ns = one->first_ns;
    all->last_ns = one->last_ns;
    /* It may be let go of while it is called. */
    python->retain(ear);
    if (arguments[1] && arguments[2] && arguments[3]) answer = python->call(ear, arguments + 1, 3 | ONE_BEFORE, NULL);
    python->release(ear);
    for (int i = 1; i < 4; i++) python->release(arguments[i]);
    python->release(answer);
    return answer != NULL;
}

/* The track's sound goes to its ear. Whatever an ear does with the socket meanwhile, what is being given stands apart. */
static int give_track(struct reception *all, struct stream *stream, int socket, int which) {
    struct track taken = stream->tracks[which];
    stream->tracks[which] = all->given;
    all->given = taken;
    int right = 1;
    all->socket = socket;
    for (size_t i = 0; right && i < taken.count && stream_of(all, socket) == stream && stream->ears[which]; i++)
        right = give(all, stream->ears[which], &taken.stretches[i]);
    all->given.count = all->given.sound.length = 0;
    if (all->given.sound.room > READ_BYTES) {
        /* A burst's; the next socket gets these to keep. */
        free_track(&all->given);
        all->given = (struct track){0};
    }
    return right;
}

/* Gives what sound has come to its ears. Python finds what an ear raised; then the rest of that track's sound is lost, and this is called
 * again for the others. Where it takes long, the sockets are looked at in between; what they bring waits for the next time. */
void reception_give(struct reception *all) {
    size_t until = all->news_count;
    all->soon = 0;
    for (size_t i = 0; i < until && i < all->news_count; i++) {
        int socket = all->news[i];
        struct stream *stream = all->streams[socket];
        size_t before = all->news_count;
        if (i + 2 < until && i + 2 < before) expect(stream_of(all, all->news[i + 2]));
        if (i + 1 < until && i + 1 < before) expect_giving(stream_of(all, all->news[i + 1]));
        for (int which = 0; which < TRACKS && stream_of(all, socket) == stream; which++)
            if (stream->tracks[which].count && !give_track(all, stream, socket, which)) return;
        /* Where an ear had sockets dropped, others stand in their places. */
        if (all->news_count < before) i = (size_t)-1;
        else if (!all->quiet && now_ns() >= all->look_due_ns) look_when_due(all, all->unread);
    }
}

/* Fills `records`, and `bytes` which they speak of, with what else has come; sound is given before. How many records; it is called again
 * until there are none. There is room for all that one socket can bring. */
int reception_hand_over(struct reception *all, struct record *records, int records_room, uint8_t *bytes, int bytes_room) {
    int count = 0, used = 0;
    size_t at = 0, kept = 0;
    for (; at < all->news_count; at++) {
        int socket = all->news[at];
        struct stream *stream = all->streams[socket];
        /* What came while others were given theirs: next time, and all of it then. */
        if (stream->tracks[INBOUND].count || stream->tracks[OUTBOUND].count) {
            all->news[kept++] = socket;
            continue;
        }
        if (records_room - count < 2 || stream->other.length > (size_t)(bytes_room - used)) break;
        if (stream->other.length) {
            memcpy(bytes + used, stream->other.at, stream->other.length);
            records[count++] = (struct record){socket, OTHER, used, (int32_t)stream->other.length};
            used += (int)stream->other.length;
            stream->other.length = 0;
        }
        if (stream->let_go) records[count++] = (struct record){socket, LET_GO, 0, 0};
        stream->has_news = 0;
    }
    while (at < all->news_count) all->news[kept++] = all->news[at++];
    if ((all->news_count = kept)) all->news_since_ns = now_ns();
    return count;
}
