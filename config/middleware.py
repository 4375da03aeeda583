"""Security headers on every answer, the session's cookie, and the end of what a request may see in the database."""

from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse

from identity import tenancy
from identity.sessions import SessionStore

# The one page that may load Paddle's script and show its frame.
CHECKOUT_PATH = "/credits/checkout"
# Twilio's Voice SDK speaks with the edge that is nearest, voice-js.EDGE.twilio.com, and after a loss with the same one.
SIGNALLING = "wss://*.twilio.com"


# What is spoken to by programs alone shows nothing, loads nothing and stands in no frame.
NOTHING_POLICY = "default-src 'none'; frame-ancestors 'none'"


def common_headers() -> dict[str, str]:
    """What every answer of every process carries; HSTS where people reach the product by TLS."""
    headers = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}
    if urlsplit(settings.PUBLIC_URL).scheme == "https":
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return headers


def program_headers() -> dict[str, str]:
    """What answers carry that only programs read."""
    return {**common_headers(), "Cache-Control": "no-store", "Content-Security-Policy": NOTHING_POLICY}


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class RenewedSessionMiddleware(SessionMiddleware):
    """Django's, but that an answer whose session was renewed by another request meanwhile leaves the browser its newer key."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        answered = super().process_response(request, response)
        if cast(SessionStore, request.session).is_renewed_elsewhere:
            answered.cookies.pop(settings.SESSION_COOKIE_NAME, None)
        return answered


class OneWorkspaceMiddleware:
    """What a request named for the database's own guard is forgotten with its end."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            return self._get_response(request)
        finally:
            tenancy.release()


class SecurityHeadersMiddleware:
    """A strict content security policy; Paddle's origins only where credits are bought; no caching of personal data."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        socket = _origin(settings.LIVE_SOCKET_URL)
        # A call in the browser goes on from page to page, whichever was opened first.
        signalling = SIGNALLING if settings.TWILIO_TWIML_APP_SID else ""
        self._plain = self._policy(socket, script="", frame="'none'", connect=signalling)
        paddle = _origin(settings.PADDLE_JS_URL)
        paddle_wide = f"{paddle} https://*.paddle.com" if paddle.endswith(".paddle.com") else paddle
        self._checkout = self._policy(
            socket, script=paddle_wide, frame=paddle_wide, connect=f"{paddle_wide} {signalling}".strip()
        )
        self._common = {**common_headers(), "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)"}

    @staticmethod
    def _policy(socket: str, *, script: str, frame: str, connect: str) -> str:
        return "; ".join(
            [
                "default-src 'self'",
                f"script-src 'self' {script}".strip(),
                "style-src 'self'",
                "img-src 'self' data:",
                "font-src 'self'",
                f"connect-src 'self' {socket} {connect}".strip(),
                f"frame-src {frame}",
                "frame-ancestors 'none'",
                "base-uri 'none'",
                "form-action 'self'",
                "object-src 'none'",
            ]
        )

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        on_checkout = request.path.startswith(CHECKOUT_PATH)
        response.setdefault("Content-Security-Policy", self._checkout if on_checkout else self._plain)
        for name, value in self._common.items():
            response.setdefault(name, value)
        if request.path.startswith("/api/"):
            response.setdefault("Cache-Control", "no-store")
        return response
