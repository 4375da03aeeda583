"""The ASGI application: REST, webhooks and pages; browser sockets; Twilio's media sockets.

The web and media processes serve this same application; the load balancer (or the embedded stack) decides who gets which path.
"""

import os

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

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": URLRouter(
            [
                # Twilio sends no Origin; its socket is authenticated by signature and one-use token instead.
                path("twilio/media/", MediaStreamConsumer.as_asgi()),
                path("ws/", OriginValidator(with_caller(BrowserConsumer.as_asgi()), [settings.PUBLIC_URL])),
            ]
        ),
    }
)
