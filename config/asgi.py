"""The ASGI application: REST, webhooks and pages; browser sockets; Twilio's media sockets.

The web and media processes serve this same application; the load balancer (or the embedded stack) decides who gets which path.
"""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import OriginValidator
from django.conf import settings
from django.urls import path

from config.sockets import with_caller
from realtime.consumers import BrowserConsumer
from voice.media_stream import MediaStreamConsumer

# URLRouter takes ASGI applications where the types of `path` know views only.
# Twilio sends no Origin; its socket is authenticated by signature and one-use token instead.
media_socket: Any = MediaStreamConsumer.as_asgi()
browser_socket: Any = OriginValidator(with_caller(BrowserConsumer.as_asgi()), [settings.PUBLIC_URL])

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": URLRouter(
            [
                path("twilio/media/", media_socket),
                path("ws/", browser_socket),
            ]
        ),
    }
)
