"""Leads as Ninja's documentation would have them: a schema made of the model, Django's own sessions and users, and the member's
workspace looked up by the ORM. The same routes stand below /open without any of it.
"""

import os
from typing import Any, cast
from uuid import UUID

import django
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
_SESSIONS = "django.contrib.sessions"
if _SESSIONS not in settings.INSTALLED_APPS:
    settings.INSTALLED_APPS.append(_SESSIONS)
django.setup()

from django.contrib.auth import login  # noqa: E402 - needs the settings
from django.contrib.sessions.models import Session  # noqa: E402
from django.core.handlers.asgi import ASGIHandler  # noqa: E402
from django.db import connection  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.shortcuts import get_object_or_404  # noqa: E402
from django.test import override_settings  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402
from ninja import ModelSchema, NinjaAPI, Schema  # noqa: E402
from ninja.security import django_auth  # noqa: E402

from identity.models import Membership, User  # noqa: E402
from voice.models import Lead  # noqa: E402

PAGE = 50


class LeadSchema(ModelSchema):
    class Meta:
        model = Lead
        fields = (
            "id",
            "first_name",
            "last_name",
            "company",
            "phone_e164",
            "notes",
            "country",
            "time_zone",
            "erased_at",
            "created_at",
            "last_call_at",
        )


class LeadChange(Schema):
    notes: str


api = NinjaAPI(docs_url=None)


@api.get("/leads", response=list[LeadSchema], auth=django_auth)
def leads(request: HttpRequest) -> Any:
    member = Membership.objects.get_queryset().get(user=cast(User, request.user))
    return Lead.objects.get_queryset().filter(workspace_id=member.workspace_id).order_by("-created_at", "-id")[:PAGE]


@api.get("/leads/{lead_id}", response=LeadSchema, auth=django_auth)
def lead(request: HttpRequest, lead_id: UUID) -> Any:
    member = Membership.objects.get_queryset().get(user=cast(User, request.user))
    return get_object_or_404(Lead.objects.get_queryset(), workspace_id=member.workspace_id, id=lead_id)


@api.patch("/leads/{lead_id}", response=LeadSchema, auth=django_auth)
def change_lead(request: HttpRequest, lead_id: UUID, change: LeadChange) -> Any:
    member = Membership.objects.get_queryset().get(user=cast(User, request.user))
    row = get_object_or_404(Lead.objects.get_queryset(), workspace_id=member.workspace_id, id=lead_id)
    return _changed(row, change)


def _changed(row: Lead, change: LeadChange) -> Lead:
    row.notes = change.notes
    row.save()
    return row


@api.get("/open/leads", response=list[LeadSchema])
def open_leads(request: HttpRequest) -> Any:
    return Lead.objects.get_queryset().order_by("-created_at", "-id")[:PAGE]


@api.get("/open/leads/{lead_id}", response=LeadSchema)
def open_lead(request: HttpRequest, lead_id: UUID) -> Any:
    return get_object_or_404(Lead.objects.get_queryset(), id=lead_id)


@api.patch("/open/leads/{lead_id}", response=LeadSchema)
def change_open_lead(request: HttpRequest, lead_id: UUID, change: LeadChange) -> Any:
    return _changed(get_object_or_404(Lead.objects.get_queryset(), id=lead_id), change)


@csrf_exempt
def sign_in(request: HttpRequest) -> HttpResponse:
    """The table of Django's sessions is none of the product's, so it is made here."""
    with connection.schema_editor() as editor:
        editor.create_model(Session)
    login(request, User.objects.get(), backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponse()


urlpatterns = [path("sign-in", sign_in), path("", api.urls)]
override_settings(
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    SESSION_ENGINE="django.contrib.sessions.backends.db",
    SESSION_COOKIE_NAME="sessionid",
    # As `startproject` writes them, without those of the admin's pages.
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
).enable()
application = ASGIHandler()
