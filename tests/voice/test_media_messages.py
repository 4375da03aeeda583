"""The media socket's parser takes what the carrier sends and refuses the rest with a code, never with a crash."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.media_messages import (
    PAYLOAD_BYTES_MAX,
    TIMESTAMP_MS_MAX,
    Connected,
    Media,
    MessageInvalid,
    Start,
    Stop,
    parse,
)

SID = "MZ" + "0" * 32


def media(payload: bytes = b"\xff" * 160, timestamp: object = "20", track: str = "inbound") -> str:
    return json.dumps(
        {
            "event": "media",
            "sequenceNumber": "3",
            "streamSid": SID,
            "media": {
                "track": track,
                "chunk": "1",
                "timestamp": timestamp,
                "payload": base64.b64encode(payload).decode(),
            },
        }
    )


def test_the_four_messages_of_a_stream_are_understood() -> None:
    start = {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": SID,
        "start": {
            "accountSid": "AC" + "0" * 32,
            "streamSid": SID,
            "callSid": "CA" + "0" * 32,
            "tracks": ["inbound", "outbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"token": "abc"},
        },
    }
    assert isinstance(parse('{"event":"connected","protocol":"Call","version":"1.0.0"}'), Connected)
    begun = parse(json.dumps(start))
    assert isinstance(begun, Start) and begun.start.custom_parameters == {"token": "abc"}
    frame = parse(media())
    assert isinstance(frame, Media) and frame.media.payload == b"\xff" * 160 and frame.media.timestamp == 20
    assert isinstance(parse('{"event":"stop","streamSid":"x","stop":{}}'), Stop)


@pytest.mark.parametrize("size", [1, 80, 160, 320, 3_200])
def test_frames_of_any_size_are_taken(size: int) -> None:
    frame = parse(media(b"\x7f" * size))
    assert isinstance(frame, Media) and len(frame.media.payload) == size


def test_events_that_may_come_one_day_are_passed_over() -> None:
    assert parse('{"event":"weather","weather":{"sunny":true}}') is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "message_malformed"),
        ("{", "message_malformed"),
        ("[]", "message_malformed"),
        ('{"event":"start"}', "message_malformed"),
        ('{"event":"media","media":{"track":"inbound","timestamp":"1","payload":"%%%"}}', "message_malformed"),
        (b"\x00\xff\xfe", "message_malformed"),
        ("[" * 60_000, "message_malformed"),
        ("x" * 70_000, "message_too_large"),
        (media(b"\x00" * 40_000), "payload_too_large"),
    ],
)
def test_what_is_no_message_is_refused_with_a_code(text: str | bytes, code: str) -> None:
    with pytest.raises(MessageInvalid) as refused:
        parse(text)
    assert refused.value.code == code


@pytest.mark.parametrize("timestamp", ["0", "20", 0, 20, 999_999_999])
def test_a_timestamp_may_be_a_number_or_its_digits(timestamp: object) -> None:
    frame = parse(media(timestamp=timestamp))
    assert isinstance(frame, Media) and frame.media.timestamp == int(str(timestamp))


@pytest.mark.parametrize("timestamp", ["", "-1", "1.5", "9" * 10, "\u0661", "NaN", -1, 1.5, 10**9, 10**40, None, True])
def test_a_timestamp_that_is_no_number_of_milliseconds_is_refused(timestamp: object) -> None:
    with pytest.raises(MessageInvalid, match="message_malformed"):
        parse(media(timestamp=timestamp))


@given(st.one_of(st.text(), st.binary(), st.text().map(lambda text: json.dumps({"event": "media", "media": text}))))
def test_no_input_makes_the_parser_raise_anything_else(text: str | bytes) -> None:
    try:
        parse(text)
    except MessageInvalid as refused:
        assert refused.code


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["20", "inbound", "/w=="]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*"ab", "token"]) | st.text(), inner),
    max_leaves=20,
)
FIELDS = st.sampled_from(["track", "timestamp", "payload", "streamSid", "callSid", "customParameters", "chunk"])
EVENTS = st.sampled_from(["connected", "start", "media", "stop", "mark", "dtmf", "weather"])


@given(EVENTS, EVENTS, st.dictionaries(FIELDS, ANY_JSON), st.integers(min_value=0, max_value=400))
def test_whatever_is_in_the_fields_of_an_event_is_typed_and_bounded_or_refused(
    event: str, part: str, fields: dict[str, object], cut: int
) -> None:
    text = json.dumps({"event": event, part: fields})
    for each in (text, text.encode(), text[:cut]):
        try:
            message = parse(each)
        except MessageInvalid as refused:
            assert refused.code
            continue
        if isinstance(message, Media):
            assert 0 <= message.media.timestamp <= TIMESTAMP_MS_MAX
            assert len(message.media.payload) <= PAYLOAD_BYTES_MAX
        if isinstance(message, Start):
            assert 1 <= len(message.start.call_sid) <= 64
