"""`manage.py media`: the media process on its own server; see config/media_server.py."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from config.media_server import run


class Command(BaseCommand):
    help = "Serve Twilio's media sockets."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("host")
        parser.add_argument("port", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        run(
            host=options["host"],
            port=options["port"],
            gather_ms=settings.MEDIA_GATHER_MS,
            drain_s=settings.MEDIA_DRAIN_S,
        )
