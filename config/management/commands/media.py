"""`manage.py media`: the media process on its own server; see config/media_server.py."""

import asyncio
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from config.media_server import serve
from voice.media_socket import Sockets


class Command(BaseCommand):
    help = "Serve Twilio's media sockets."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("host")
        parser.add_argument("port", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        sockets = Sockets(wake_bytes=settings.MEDIA_WAKE_BYTES)
        asyncio.run(serve(host=options["host"], port=options["port"], sockets=sockets, drain_s=settings.MEDIA_DRAIN_S))
