"""Twilio's media stream messages, decoded once and typed; tolerant of what may change, strict on what we use."""

from typing import Annotated

import msgspec

# A message of 20 ms is under 400 bytes; nothing that a carrier sends comes near this.
MESSAGE_BYTES_MAX = 65_536
PAYLOAD_BYTES_MAX = 32_000
PARAMETERS_MAX = 20
TIMESTAMP_MS_MAX = 999_999_999


class MessageInvalid(ValueError):
    """The message is none that a media stream may carry. code: stable, counted."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


# Two letters and 32 hexadecimal digits, so far; never more than what a database or a log can take.
Sid = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9]{1,64}$")]


class StartMetadata(msgspec.Struct, rename="camel"):
    stream_sid: Sid
    call_sid: Sid
    account_sid: str = ""
    custom_parameters: Annotated[dict[str, str], msgspec.Meta(max_length=PARAMETERS_MAX)] = msgspec.field(
        default_factory=dict
    )


class Connected(msgspec.Struct, tag="connected", tag_field="event"):
    pass


class Start(msgspec.Struct, tag="start", tag_field="event"):
    start: StartMetadata


# These two come and go by the thousand a second and form no cycles, so that the collector need not know them.
class MediaPayload(msgspec.Struct, gc=False):
    """timestamp: ms of stream time, on the wire a string, or a number. payload: mu-law bytes, base64 on the wire."""

    track: str
    timestamp: Annotated[int, msgspec.Meta(ge=0, le=TIMESTAMP_MS_MAX)]
    payload: Annotated[bytes, msgspec.Meta(max_length=PAYLOAD_BYTES_MAX)]


class Media(msgspec.Struct, tag="media", tag_field="event", gc=False):
    media: MediaPayload


class Stop(msgspec.Struct, tag="stop", tag_field="event"):
    pass


class Mark(msgspec.Struct, tag="mark", tag_field="event"):
    pass


class Dtmf(msgspec.Struct, tag="dtmf", tag_field="event"):
    pass


Message = Connected | Start | Media | Stop | Mark | Dtmf
# Not strict, since Twilio writes numbers as strings.
_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(
    Connected | Start | Media | Stop | Mark | Dtmf, strict=False
)


class _Event(msgspec.Struct):
    event: str


_event_decoder = msgspec.json.Decoder(_Event)
_KNOWN = frozenset({"connected", "start", "media", "stop", "mark", "dtmf"})


def parse(text: str | bytes) -> Message | None:
    """One message; None for an event of a kind that we do not know.

    :raises MessageInvalid: not JSON, or a known event without what it must have.
    """
    if len(text) > MESSAGE_BYTES_MAX:
        raise MessageInvalid("message_too_large")
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        # Only for what could not be decoded is it looked into why.
        if code := _why_refused(text):
            raise MessageInvalid(code) from None
        return None


def _why_refused(text: str | bytes) -> str | None:
    """A code; None when the text is an event of a kind that we do not know."""
    try:
        event = _event_decoder.decode(text).event
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return "message_malformed"
    if event == "media" and len(text) > PAYLOAD_BYTES_MAX:
        return "payload_too_large"
    return "message_malformed" if event in _KNOWN else None
