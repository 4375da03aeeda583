"""`manage.py live`: the live process, browsers' sockets on their own server; see config/live_server.py."""

import asyncio
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config.live_server import serve


class Command(BaseCommand):
    help = "Serve the browsers' sockets."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("host")
        parser.add_argument("port", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(serve(host=options["host"], port=options["port"]))
