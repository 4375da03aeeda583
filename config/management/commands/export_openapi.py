"""Writes the OpenAPI description of the REST API, from which the frontend's types are generated."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from api.app import api


class Command(BaseCommand):
    help = __doc__ or ""
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--output", type=Path, default=Path("frontend/openapi.json"))

    def handle(self, *args: Any, **options: Any) -> None:
        schema = json.loads(json.dumps(api.get_openapi_schema(), default=str))
        options["output"].write_text(json.dumps(schema, indent=1, sort_keys=True) + "\n")
