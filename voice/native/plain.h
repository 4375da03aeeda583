/* Plain messages of sound, understood without being copied: what is not exactly so is none, and no error.
 *
 * The carrier writes them in one order, without a space, with its numbers as strings:
 * {"event":"media","sequenceNumber":"4","media":{"track":"inbound","chunk":"3","timestamp":"40","payload":"..."},"streamSid":"MZ0"}
 * Whatever JSON would have to explain, such as an escape, another spelling of a number, another order or a field more, is left
 * to voice/media_messages.py, and so is base64 that is not whole.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A frame of sound is under 400 bytes. */
#define PLAIN_BYTES_MAX 4096
#define DIGITS_MAX 9

enum { INBOUND, OUTBOUND, TRACKS };

static uint8_t value_of[256];

static void learn_base64(void) {
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    memset(value_of, 255, sizeof value_of);
    for (int i = 0; i < 64; i++) value_of[(uint8_t)DIGITS[i]] = (uint8_t)i;
}

static void unmask(const uint8_t *masked, size_t length, const uint8_t *mask, uint8_t *out) {
    uint64_t eight, piece;
    for (int i = 0; i < 8; i++) ((uint8_t *)&eight)[i] = mask[i & 3];
    size_t at = 0;
    for (; at + 8 <= length; at += 8) {
        memcpy(&piece, masked + at, 8);
        piece ^= eight;
        memcpy(out + at, &piece, 8);
    }
    for (; at < length; at++) out[at] = masked[at] ^ mask[at & 3];
}

/* What is left of a message, from `at` to `end`. */
struct text {
    const uint8_t *at, *end;
};

static int said(struct text *text, const char *words, size_t length) {
    if ((size_t)(text->end - text->at) < length || memcmp(text->at, words, length)) return 0;
    text->at += length;
    return 1;
}
#define SAID(text, words) said(text, words, sizeof(words) - 1)

/* A whole number without a sign and leading zeros; -1 where there is none. */
static int32_t number(struct text *text) {
    const uint8_t *first = text->at;
    int32_t value = 0;
    while (text->at < text->end && *text->at >= '0' && *text->at <= '9') {
        if (text->at - first == DIGITS_MAX) return -1;
        value = value * 10 + (*text->at++ - '0');
    }
    return text->at == first || (*first == '0' && text->at - first > 1) ? -1 : value;
}

static int letter_or_digit(uint8_t one) {
    return (one >= '0' && one <= '9') || ((one | 32) >= 'a' && (one | 32) <= 'z');
}

/* base64 of whole fours up to the closing quote, which is not taken. The bytes' number, or -1. */
static int decoded(struct text *text, uint8_t *out) {
    const uint8_t *closing = memchr(text->at, '"', (size_t)(text->end - text->at));
    if (!closing || (closing - text->at) % 4 || closing == text->at) return -1;
    const uint8_t *at = text->at;
    uint8_t *to = out, wrong = 0;
    int padding = (closing[-1] == '=') + (closing[-1] == '=' && closing[-2] == '=');
    const uint8_t *whole = padding ? closing - 4 : closing;
    for (; at < whole; at += 4, to += 3) {
        uint8_t a = value_of[at[0]], b = value_of[at[1]], c = value_of[at[2]], d = value_of[at[3]];
        wrong |= a | b | c | d;
        to[0] = (uint8_t)(a << 2 | b >> 4);
        to[1] = (uint8_t)(b << 4 | c >> 2);
        to[2] = (uint8_t)(c << 6 | d);
    }
    if (padding) {
        uint8_t a = value_of[at[0]], b = value_of[at[1]], c = padding == 1 ? value_of[at[2]] : 0;
        wrong |= a | b | c;
        *to++ = (uint8_t)(a << 2 | b >> 4);
        if (padding == 1) *to++ = (uint8_t)(b << 4 | c >> 2);
    }
    /* Values are below 64; 255 stands for what is none. */
    if (wrong & 192) return -1;
    text->at = closing;
    return (int)(to - out);
}

struct plain {
    int track;
    int32_t start_ms;
    int length;
    uint8_t sound[PLAIN_BYTES_MAX];
};

/* 1 when this is a plain message of sound. */
static int understood(struct text text, struct plain *plain) {
    if (!SAID(&text, "{\"event\":\"media\",\"sequenceNumber\":\"") || number(&text) < 0) return 0;
    if (!SAID(&text, "\",\"media\":{\"track\":\"")) return 0;
    if (SAID(&text, "inbound")) plain->track = INBOUND;
    else if (SAID(&text, "outbound")) plain->track = OUTBOUND;
    else return 0;
    if (!SAID(&text, "\",\"chunk\":\"") || number(&text) < 0) return 0;
    if (!SAID(&text, "\",\"timestamp\":\"") || (plain->start_ms = number(&text)) < 0) return 0;
    if (!SAID(&text, "\",\"payload\":\"") || (plain->length = decoded(&text, plain->sound)) < 0) return 0;
    if (!SAID(&text, "\"},\"streamSid\":\"")) return 0;
    while (text.at < text.end && letter_or_digit(*text.at)) text.at++;
    return SAID(&text, "\"}") && text.at == text.end;
}
