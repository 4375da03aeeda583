"""`manage.py media`: the media process on its own server; see config/media_server.py."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from config.media_server import Inherited, run


class Command(BaseCommand):
    help = "Serve Twilio's media sockets."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("host")
        parser.add_argument("port", type=int)
        parser.add_argument(
            "--socket", type=int, help="a bound socket of whoever starts this, in place of host and port"
        )
        parser.add_argument(
            "--way", type=int, help="with --socket: a pipe to write to when no new calls are taken any more"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        inherited = None
        if options["socket"] is not None and options["way"] is not None:
            inherited = Inherited(options["socket"], options["way"])
        run(
            inherited=inherited,
            host=options["host"],
            port=options["port"],
            gather_ms=settings.MEDIA_GATHER_MS,
            drain_s=settings.MEDIA_DRAIN_S,
            handover_s=settings.MEDIA_HANDOVER_S,
        )
