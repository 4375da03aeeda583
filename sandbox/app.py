"""The sandbox's HTTP application."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from sandbox import mail, page
from sandbox.contract import Contract
from sandbox.control import Control
from sandbox.paddle.api import PaddleApi
from sandbox.paddle.checkout import Checkout
from sandbox.services import Services
from sandbox.twilio.account_api import AccountApi
from sandbox.twilio.calls_api import CallsApi
from sandbox.twilio.gateway import Gateway
from sandbox.twilio.transcriptions_api import TranscriptionsApi
from sandbox.twilio.webhooks import LOOPBACK

MAX_BODY_BYTES = 1_048_576
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


def build(services: Services) -> web.Application:
    app = web.Application(middlewares=[only_local_names], client_max_size=MAX_BODY_BYTES)
    settings, store, faults = services.settings, services.store, services.faults
    credentials = (settings.account_sid, settings.auth_token)
    calls = Gateway(
        store=store,
        faults=faults,
        contract=Contract("twilio_api_v2010.json"),
        credentials=credentials,
        api_key=(settings.api_key_sid, settings.api_key_secret),
        service="twilio",
        target="twilio.rest",
    )
    AccountApi(store, settings).register(app, calls)
    CallsApi(services.exchange).register(app, calls)
    TranscriptionsApi(services.exchange).register(app, calls)
    verify = Gateway(
        store=store,
        faults=faults,
        contract=Contract("twilio_verify_v2.json"),
        credentials=credentials,
        service="verify",
        target="verify",
    )
    services.verify.register(app, verify)
    app.router.add_route("*", "/2010-04-01/Accounts/{AccountSid}/Messages{rest:.*}", _refuse_messages(services))
    PaddleApi(
        sales=services.sales,
        subscriptions=services.subscriptions,
        store=store,
        faults=faults,
        api_key=settings.paddle_api_key,
        background=services.exchange.start,
    ).register(app)
    Checkout(
        sales=services.sales,
        subscriptions=services.subscriptions,
        store=store,
        client_token=settings.paddle_client_token,
        background=services.exchange.start,
    ).register(app)
    services.google.register(app)
    services.facebook.register(app)
    Control(services).register(app)
    page.register(app, services)
    app.cleanup_ctx.append(_running(services))
    return app


@web.middleware
async def only_local_names(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """A page elsewhere reaches the sandbox neither by giving this machine a name of its own nor by posting to it."""
    if request.host.rsplit(":", 1)[0] not in LOCAL_NAMES:
        return web.Response(status=421, text="The sandbox answers to localhost only.")
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).hostname not in LOOPBACK:
        return web.Response(status=403, text="The sandbox answers to pages of this machine only.")
    return await handler(request)


def _refuse_messages(services: Services) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def refuse(request: web.Request) -> web.Response:
        """Codes go through Verify; the product sends no text messages of its own, and this proves it."""
        services.store.received.messages_requests += 1
        body = {"code": 20404, "message": "The sandbox sends no messages", "more_info": "", "status": 404}
        return web.Response(status=404, text=json.dumps(body), content_type="application/json")

    return refuse


def _running(services: Services) -> Callable[[web.Application], AsyncIterator[None]]:
    async def running(app: web.Application) -> AsyncIterator[None]:
        server = await mail.listen(services.store, services.settings.smtp_port)
        saving = asyncio.create_task(services.store.keep_saving())
        services.exchange.end_what_a_restart_cut()
        services.notifications.resume()
        services.exchange.start(services.sales.complete_what_was_paid())
        yield
        saving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await saving
        server.close()
        await services.close()

    return running
