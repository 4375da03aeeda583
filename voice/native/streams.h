/* What is kept of a socket until it is handed over: its tracks' sound, and whatever else came. */
#include "plain.h"
#include <stdlib.h>

/* Whoever has no room for all of it keeps the newest. */
#define STRETCH_BYTES_MAX 16384
#define BYTES_A_MS 8
/* What the processor fetches together, and how much of it to ask for: a frame's sound, and what of Python's bound method points further. */
#define LINE_BYTES 64
#define FRAME_BYTES 160
#define EAR_BYTES 64

struct bytes {
    uint8_t *at;
    size_t length, room;
};

/* Sound without a hole. first_ns, last_ns: when its first and its last frame were read. */
struct stretch {
    int32_t start_ms, frames, offset, length;
    int64_t first_ns, last_ns;
};

struct track {
    struct bytes sound;
    struct stretch *stretches;
    size_t count, room;
};

/* One socket. ears: Python's, which holds them as long as they are here; NULL while all is handed on. heard: whether sound came since that
 * was last asked. rest: the beginning of a frame. other: whole frames, and what follows when the socket is let go. */
struct stream {
    int heard, has_news, let_go;
    void *ears[TRACKS];
    struct track tracks[TRACKS];
    struct bytes rest, other;
};

/* 0 when there is no memory; here and below. */
static int append(struct bytes *to, const uint8_t *from, size_t length) {
    if (to->length + length > to->room) {
        size_t room = (to->length + length) * 2;
        uint8_t *at = realloc(to->at, room);
        if (!at) return 0;
        to->at = at;
        to->room = room;
    }
    if (length) memcpy(to->at + to->length, from, length);
    to->length += length;
    return 1;
}

/* Sound that was read at read_ns waits in its track. */
static int keep(struct stream *stream, const struct plain *plain, int64_t read_ns) {
    struct track *track = &stream->tracks[plain->track];
    struct stretch *last = track->count ? &track->stretches[track->count - 1] : NULL;
    if (!last || last->length > STRETCH_BYTES_MAX || last->length % BYTES_A_MS || last->start_ms + last->length / BYTES_A_MS != plain->start_ms) {
        if (track->count == track->room) {
            size_t room = track->room * 2 + 4;
            struct stretch *stretches = realloc(track->stretches, room * sizeof *stretches);
            if (!stretches) return 0;
            track->stretches = stretches;
            track->room = room;
        }
        last = &track->stretches[track->count++];
        *last = (struct stretch){.start_ms = plain->start_ms, .offset = (int32_t)track->sound.length};
    }
    if (!append(&track->sound, plain->sound, (size_t)plain->length)) return 0;
    last->length += plain->length;
    last->last_ns = read_ns;
    if (!last->frames++) last->first_ns = read_ns;
    stream->heard = 1;
    return 1;
}

static void free_track(struct track *track) {
    free(track->sound.at);
    free(track->stretches);
}

static void free_stream(struct stream *stream) {
    for (int i = 0; i < TRACKS; i++) free_track(&stream->tracks[i]);
    free(stream->rest.at);
    free(stream->other.at);
    free(stream);
}

static void expect_bytes(const void *from, size_t length) {
    for (size_t at = 0; at < length; at += LINE_BYTES) __builtin_prefetch((const char *)from + at, 1);
}

/* Asks for what reading or giving this socket touches; all take NULL. Since the last time others have had the processor's caches, and to wait for one piece
 * after the other costs more than the work. */
static void expect(const struct stream *stream) {
    if (stream) expect_bytes(stream, sizeof *stream);
}

/* Of a socket that is expected already: where its sound goes on. */
static void expect_reading(const struct stream *stream) {
    for (int i = 0; stream && i < TRACKS; i++) {
        const struct track *track = &stream->tracks[i];
        if (track->count) expect_bytes(&track->stretches[track->count - 1], sizeof *track->stretches);
        if (track->sound.room - track->sound.length >= FRAME_BYTES) expect_bytes(track->sound.at + track->sound.length, FRAME_BYTES);
    }
}

/* Of a socket that is expected already: what its ears get. */
static void expect_giving(const struct stream *stream) {
    for (int i = 0; stream && i < TRACKS; i++) {
        const struct track *track = &stream->tracks[i];
        expect_bytes(stream->ears[i], EAR_BYTES);
        if (track->count) expect_bytes(track->stretches, sizeof *track->stretches);
        expect_bytes(track->sound.at, track->sound.length);
    }
}
