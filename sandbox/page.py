"""The sandbox's page at /: its phones, calls, checkouts, mails and faults, refreshed by itself."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from sandbox import views
from sandbox.markup import Markup, tag, void
from sandbox.services import Services

STATIC = Path(__file__).parent / "static"
AGREEMENT_CSS = Path(__file__).parent / "social" / "static" / "agreement.css"
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'"


def register(app: web.Application, services: Services) -> None:
    async def index(request: web.Request) -> web.Response:
        return _html("<!doctype html>" + _document(services))

    async def parts(request: web.Request) -> web.Response:
        """The sections alone, for the page that refreshes itself."""
        return _html(views.sections(services))

    app.router.add_get("/", index)
    app.router.add_get("/sandbox/parts", parts)
    for name in ("page.css", "page.js"):
        app.router.add_get(f"/sandbox/static/{name}", _static(STATIC / name))
    app.router.add_get("/social/agreement.css", _static(AGREEMENT_CSS))


def _document(services: Services) -> Markup:
    head = tag(
        "head",
        void("meta", charset="utf-8"),
        tag("title", "Sandbox"),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        void("link", rel="icon", href="data:,"),
        void("link", rel="stylesheet", href="/sandbox/static/page.css"),
        tag("script", src="/sandbox/static/page.js", defer=True),
    )
    header = tag(
        "header",
        tag("h1", "Sandbox"),
        tag("p", "Telephone network, text messages, checkout and mail of this machine. Nothing leaves it."),
        class_="top",
    )
    return tag("html", head, tag("body", header, tag("main", views.sections(services))), lang="en")


def _html(text: str) -> web.Response:
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return web.Response(text=text, content_type="text/html", headers=headers)


def _static(file: Path) -> Callable[[web.Request], Awaitable[web.FileResponse]]:
    async def serve(request: web.Request) -> web.FileResponse:
        return web.FileResponse(file, headers={"Cache-Control": "no-cache"})

    return serve
