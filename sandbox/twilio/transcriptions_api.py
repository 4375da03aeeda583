"""Twilio's Transcriptions of a call, version 2010-04-01."""

from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from sandbox import clock
from sandbox.records import CallbackTarget, TranscriptionRecord
from sandbox.twilio.calls_api import CALLS, VERSION, live_leg
from sandbox.twilio.errors import TwilioError, not_found
from sandbox.twilio.exchange import Exchange
from sandbox.twilio.gateway import Gateway, RestAnswer, RestRequest


class TranscriptionsApi:
    """Starting and stopping; there is nothing to fetch, as at Twilio."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def register(self, app: web.Application, gateway: Gateway) -> None:
        gateway.route(app, "POST", f"{CALLS}/{{CallSid}}/Transcriptions.json", self.create)
        gateway.route(app, "POST", f"{CALLS}/{{CallSid}}/Transcriptions/{{Sid}}.json", self.update)

    async def create(self, asked: RestRequest) -> RestAnswer:
        leg = live_leg(self._exchange, asked)
        url = asked.field("StatusCallbackUrl")
        if url and urlsplit(url).scheme not in ("http", "https"):
            raise TwilioError(21609, 400, f"StatusCallbackUrl is not a valid URL: {url}")
        record = self._exchange.open_transcription(
            leg,
            name=asked.field("Name"),
            track=asked.field("Track") or "both_tracks",
            partial_results=asked.field("PartialResults") == "true",
            language=asked.field("LanguageCode") or "en-US",
            target=CallbackTarget(url, asked.field("StatusCallbackMethod") or "POST"),
        )
        return RestAnswer(200, transcription_body(record))

    async def update(self, asked: RestRequest) -> RestAnswer:
        leg = live_leg(self._exchange, asked)
        wanted = asked.ids["Sid"]
        for transcription in leg.transcriptions.values():
            if wanted in (transcription.record.sid, transcription.record.name):
                transcription.stop()
                await transcription.ended()
                return RestAnswer(200, transcription_body(transcription.record))
        raise not_found(asked.path)


def transcription_body(record: TranscriptionRecord) -> dict[str, Any]:
    call = f"{VERSION}/Accounts/{record.account_sid}/Calls/{record.call_sid}"
    return {
        "sid": record.sid,
        "account_sid": record.account_sid,
        "call_sid": record.call_sid,
        "name": record.name,
        "status": record.status,
        "date_updated": clock.rfc2822(record.updated_at),
        "uri": f"{call}/Transcriptions/{record.sid}.json",
    }
