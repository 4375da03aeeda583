"""Security headers on every answer, and the end of what a request may see in the database."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from identity import tenancy

# The one page that may load Paddle's script and show its frame.
CHECKOUT_PATH = "/credits/checkout"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


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
        public = urlsplit(settings.PUBLIC_URL)
        socket = _origin(settings.LIVE_SOCKET_URL)
        self._plain = self._policy(socket, script="", frame="'none'", connect="")
        paddle = _origin(settings.PADDLE_JS_URL)
        paddle_wide = f"{paddle} https://*.paddle.com" if paddle.endswith(".paddle.com") else paddle
        self._checkout = self._policy(socket, script=paddle_wide, frame=paddle_wide, connect=paddle_wide)
        self._https = public.scheme == "https"

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
        response.setdefault("Referrer-Policy", "same-origin")
        response.setdefault("X-Content-Type-Options", "nosniff")
        response.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(self)")
        if self._https:
            response.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        if request.path.startswith("/api/"):
            response.setdefault("Cache-Control", "no-store")
        return response
