"""The ASGI application: REST, webhooks and pages; browser sockets; Twilio's media sockets.

The web and media processes serve this same application; the load balancer (or the embedded stack) decides who gets which path.
"""

import os
from importlib import import_module
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

# As Django's get_asgi_application does.
django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.urls import path, re_path

from api.lean import LeanReads
from config.collection import spare_the_application_from_collection
from config.handler import OneThreadHandler
from config.limits import Limited
from config.middleware import program_headers
from config.replayed import with_door
from config.sockets import refuse_socket, with_caller, with_own_origin
from identity.reading import Readings
from realtime.consumers import BrowserConsumer
from voice.media_stream import MediaStreamConsumer
from voice.status_door import StatusDoor

# URLRouter takes ASGI applications where the types of `path` know views only.
# Twilio sends no Origin; its socket is authenticated by signature and one-use token instead.
media_socket: Any = MediaStreamConsumer.as_asgi()
browser_socket: Any = with_own_origin(with_caller(BrowserConsumer.as_asgi()), public_url=settings.PUBLIC_URL)
nowhere: Any = refuse_socket
# The protocol's types are wider than those of Django.
django_application: Any = OneThreadHandler()

served = ProtocolTypeRouter(
    {
        "http": Limited(
            StatusDoor(LeanReads(django_application, Readings(settings.LEAN_READ_CONNECTIONS)), headers=program_headers)
        ),
        "websocket": URLRouter(
            [
                path("twilio/media/", media_socket),
                path("ws/", browser_socket),
                re_path("", nowhere),
            ]
        ),
    }
)
application = with_door(served)
# Loaded now rather than with the first request, so that it is spared too.
import_module(settings.ROOT_URLCONF)
spare_the_application_from_collection()
