"""The usual export in Django: read all rows, write them into one string, answer with it."""

import csv
import io
import os
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.core.handlers.asgi import ASGIHandler  # noqa: E402 - needs the settings
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.test import override_settings  # noqa: E402
from django.urls import path  # noqa: E402

from ledger.models import Entry  # noqa: E402


def export(request: HttpRequest, workspace: UUID) -> HttpResponse:
    text = io.StringIO()
    writer = csv.writer(text)
    for entry in list(Entry.objects.for_workspace(workspace).order_by("-sequence")):
        writer.writerow(
            (entry.occurred_at, entry.kind, entry.effect_mcredits, entry.balance_after_mcredits, entry.reference)
        )
    return HttpResponse(text.getvalue(), content_type="text/csv")


urlpatterns = [path("<uuid:workspace>", export)]
override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[], ALLOWED_HOSTS=["*"]).enable()
application = ASGIHandler()
