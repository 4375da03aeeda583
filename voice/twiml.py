"""What we tell the carrier to do with a call: pure builders of TwiML documents."""

from typing import TypeAlias

from twilio.twiml.voice_response import Dial, Gather, Start, VoiceResponse

StartVerb: TypeAlias = Start

# The carrier repeats a callback that we could not take: five times, on refused or lost connections and on 5xx answers.
# The fragment is not part of the signed URL.
RETRY = "#rc=5&rp=ct,rt,5xx"
LEG_EVENTS = "initiated ringing answered completed"
RING_TIMEOUT_S = 30
# How Twilio transcribes, in TwiML and in REST alike. Nothing of it is kept there, and no names are told as hints.
TRANSCRIPTION = {
    "track": "both_tracks",
    "inbound_track_label": "agent",
    "outbound_track_label": "callee",
    "language_code": "en-US",
    "partial_results": True,
    "enable_automatic_punctuation": True,
    "profanity_filter": False,
    "status_callback_method": "POST",
}


def stream_to_us(*, url: str, parameter: tuple[str, str], callback_url: str) -> StartVerb:
    """Both tracks of the rep's leg to our media socket. parameter: name and value that it presents there."""
    start = Start()
    stream = start.stream(
        url=url, track="both_tracks", status_callback=callback_url + RETRY, status_callback_method="POST"
    )
    name, value = parameter
    stream.parameter(name=name, value=value)
    return start


def transcribe_at_twilio(*, name: str, callback_url: str) -> StartVerb:
    """Both tracks of the rep's leg to Twilio's own transcription. name: by which it can be stopped."""
    start = Start()
    start.transcription(name=name, status_callback_url=callback_url + RETRY, **TRANSCRIPTION)
    return start


def bridge_to_lead(
    *,
    listening: StartVerb | None,
    caller_id: str,
    lead_phone_e164: str,
    notice_url: str,
    leg_callback_url: str,
    after_url: str,
    machine_url: str | None,
    time_limit_s: int,
) -> str:
    """For the rep's leg: begin to listen, then ring the lead. listening: None where nobody may. time_limit_s: 1..14,400 after the
    answer. machine_url: is told whether a machine answered; None where the carrier is not to find it out."""
    response = VoiceResponse()
    if listening is not None:
        response.append(listening)
    dial = Dial(caller_id=caller_id, time_limit=time_limit_s, timeout=RING_TIMEOUT_S, action=after_url + RETRY)
    # Beside the call: nobody waits until the carrier has made up its mind.
    detection = {"machine_detection": "Enable", "amd_status_callback": machine_url + RETRY} if machine_url else {}
    dial.number(
        lead_phone_e164,
        url=notice_url + RETRY,
        status_callback=leg_callback_url + RETRY,
        status_callback_event=LEG_EVENTS,
        **detection,
    )
    response.append(dial)
    return str(response)


def play_notice(*, words: str, played_url: str) -> str:
    """For the lead's leg, before both are bridged. played_url is fetched when the words have been spoken or a key was
    pressed: its request is the proof."""
    response = VoiceResponse()
    # No key finishes it, as "#" does unless another is named: the words would end there, and it would be told as no key at all.
    gather = Gather(num_digits=1, timeout=1, finish_on_key="", action=played_url + RETRY)
    gather.say(words)
    response.append(gather)
    response.redirect(played_url + RETRY)
    return str(response)


def go_on() -> str:
    """Nothing more to do on this leg; the carrier goes on (bridges, after a notice)."""
    return str(VoiceResponse())


def hang_up() -> str:
    response = VoiceResponse()
    response.hangup()
    return str(response)


def stream_say_and_hang_up(words: str, *, url: str, parameter: tuple[str, str], callback_url: str) -> str:
    """A test call's whole document; the pause is there for what is streamed last."""
    response = VoiceResponse()
    response.append(stream_to_us(url=url, parameter=parameter, callback_url=callback_url))
    response.say(words)
    response.pause(length=1)
    response.hangup()
    return str(response)


def turn_away() -> str:
    """For a leg that nobody wants: it is not answered, and costs nothing."""
    response = VoiceResponse()
    response.reject()
    return str(response)


def say_and_hang_up(words: str) -> str:
    response = VoiceResponse()
    response.say(words)
    response.hangup()
    return str(response)
