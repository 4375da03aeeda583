"""A tiny product on real sockets: answers the sandbox's webhooks and remembers what it was told."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web
from twilio.request_validator import RequestValidator

AUTH_TOKEN = "0123456789abcdef0123456789abcdef"


@dataclass
class Webhook:
    """One request of Twilio's, with whether its signature was right."""

    path: str
    form: dict[str, str]
    token: str
    signed: bool


@dataclass
class Socket:
    """One media socket: the handshake and every message on it."""

    signed: bool
    origin: str | None
    header_names: list[str]
    messages: list[dict[str, Any]] = field(default_factory=list)
    arrived_s: list[float] = field(default_factory=list)
    close_code: int | None = None

    def events(self, name: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["event"] == name]

    def track(self, name: str) -> list[dict[str, Any]]:
        return [message["media"] for message in self.events("media") if message["media"]["track"] == name]


class Product:
    """answers: path -> TwiML, or a function of the form. statuses: path -> HTTP status to answer with."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://localhost:{port}"
        self.socket_url = f"ws://localhost:{port}/media/"
        self.webhooks: list[Webhook] = []
        self.sockets: list[Socket] = []
        self.notifications: list[tuple[dict[str, str], bytes]] = []
        self.answers: dict[str, str | Callable[[dict[str, str]], str]] = {}
        self.statuses: dict[str, int] = {}
        self.refuse_sockets = False
        self._validator = RequestValidator(AUTH_TOKEN)
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/media/", self._media)
        app.router.add_post("/paddle/webhook", self._paddle)
        app.router.add_route("*", "/{path:.*}", self._voice)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def told(self, path: str) -> list[dict[str, str]]:
        return [webhook.form for webhook in self.webhooks if webhook.path == path]

    async def until(self, condition: Callable[[], object], *, within_s: float = 20.0) -> None:
        """Wait for what the sandbox does in its own time."""
        for _ in range(int(within_s * 100)):
            if condition():
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it did not happen in time")

    async def _voice(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        signed = self._validator.validate(f"{self.url}{request.path_qs}", form, request.headers["X-Twilio-Signature"])
        token = request.headers["I-Twilio-Idempotency-Token"]
        self.webhooks.append(Webhook(request.path, form, token, signed))
        answer = self.answers.get(request.path, "<Response/>")
        text = answer if isinstance(answer, str) else answer(form)
        return web.Response(status=self.statuses.get(request.path, 200), text=text, content_type="text/xml")

    async def _media(self, request: web.Request) -> web.StreamResponse:
        signature = request.headers["x-twilio-signature"]
        signed = self._validator.validate(self.socket_url, {}, signature)
        names = [name.decode() for name, _ in request.raw_headers]
        if self.refuse_sockets:
            return web.Response(status=403)
        record = Socket(signed, request.headers.get("Origin"), names)
        self.sockets.append(record)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                record.messages.append(json.loads(message.data))
                record.arrived_s.append(time.monotonic())
        record.close_code = socket.close_code
        return socket

    async def _paddle(self, request: web.Request) -> web.Response:
        self.notifications.append((dict(request.headers), await request.read()))
        return web.Response(status=self.statuses.get("/paddle/webhook", 200))

    def events(self, event_type: str) -> list[dict[str, Any]]:
        bodies = [json.loads(body) for _, body in self.notifications]
        return [body for body in bodies if body["event_type"] == event_type]

    def answer_call(self, lead: str, *, dial: str = "", number: str = "") -> None:
        """The product's own TwiML: stream both tracks, dial the lead, play a notice to them first."""
        self.answers["/agent"] = (
            f'<Response><Start><Stream url="{self.socket_url}" track="both_tracks" statusCallback="/stream">'
            '<Parameter name="token" value="one-use"/></Stream></Start>'
            f'<Dial action="/after" {dial}><Number url="/notice" statusCallback="/leg" {number} '
            f'statusCallbackEvent="initiated ringing answered completed">{lead}</Number></Dial></Response>'
        )
        self.answers["/notice"] = (
            '<Response><Gather numDigits="1" timeout="1" action="/notice/played"><Say>This call is transcribed. '
            "Press one to refuse.</Say></Gather><Redirect>/notice/played</Redirect></Response>"
        )
        self.answers["/after"] = "<Response><Hangup/></Response>"
