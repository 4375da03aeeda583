"""Who writes a call down: our own engines over a media stream, or Twilio. `TRANSCRIPTION_ENGINE` says which."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings

from compliance import policy
from processors import blocked, disclosures
from voice import submission, transcription, transcripts, twilio, twiml
from voice.models import Call


@dataclass(frozen=True, slots=True)
class OwnEngines:
    """A media stream to us, which `token` opens once."""

    call_id: UUID
    token: str

    def as_twiml(self) -> twiml.StartVerb:
        return twiml.stream_to_us(url=_socket_url(), parameter=("token", self.token), callback_url=self._callback_url)

    def begin_again(self, *, agent_sid: str) -> None:
        """:raises CarrierRefused, CarrierSilent:"""
        twilio.start_stream(sid=agent_sid, url=_socket_url(), token=self.token, status_url=self._callback_url)

    def disclose(self, call: Call, *, now: datetime) -> None:
        """The sound passes through the carrier, which carries the call, to us and to nobody else."""

    @property
    def _callback_url(self) -> str:
        return submission.callback_url(self.call_id, "stream")


@dataclass(frozen=True, slots=True)
class TwilioTranscription:
    """A transcription at Twilio, whose callbacks bear the stream's id in their address."""

    call_id: UUID
    stream_id: UUID

    def as_twiml(self) -> twiml.StartVerb:
        return twiml.transcribe_at_twilio(name=str(self.stream_id), callback_url=self._callback_url)

    def begin_again(self, *, agent_sid: str) -> None:
        """:raises CarrierRefused, CarrierSilent:"""
        twilio.start_transcription(sid=agent_sid, name=str(self.stream_id), status_url=self._callback_url)

    def disclose(self, call: Call, *, now: datetime) -> None:
        """What both say is recognised by the provider that Twilio uses; recorded before it is asked to."""
        for whom in (
            disclosures.About(user_id=call.user_id, workspace_id=call.workspace_id),
            disclosures.About(phone_e164=call.lead.phone_e164, workspace_id=call.workspace_id),
        ):
            disclosures.record(
                processor="twilio", endpoint="transcription", data_classes=("speech",), whom=whom, now=now
            )

    @property
    def _callback_url(self) -> str:
        return submission.callback_url(self.call_id, f"transcription/{self.stream_id}")


@dataclass(frozen=True, slots=True)
class Nobody:
    """Twilio is to listen, and people have not been told so: the call goes on, and no word of it goes there."""

    def as_twiml(self) -> None:
        """No verb: the call is carried and not listened to."""

    def begin_again(self, *, agent_sid: str) -> None:
        """There is nothing to begin."""

    def disclose(self, call: Call, *, now: datetime) -> None:
        """The operator learns what was held back, as of everything that no version of the policy names."""
        attempt = blocked.Attempt(host="", reason="not_in_policy", processor="twilio", endpoint="transcription")
        blocked.report(attempt, folder=Path(settings.DATA_DIR) / "egress", now=now)


Listener = OwnEngines | TwilioTranscription | Nobody


def issue(*, call: Call, now: datetime) -> Listener:
    """Whoever is to listen from now on; whoever was to, and has not begun, begins no more."""
    if settings.TRANSCRIPTION_ENGINE == transcription.ENGINE:
        if not policy.may_receive("twilio", {"speech"}):
            return Nobody()
        return TwilioTranscription(call.id, transcription.issue(call=call, now=now).id)
    return OwnEngines(call.id, transcripts.issue_stream_token(call=call, now=now))


def _socket_url() -> str:
    return f"{settings.MEDIA_SOCKET_URL}/twilio/media/"
