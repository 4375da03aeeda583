"""Leads and a call as Django Ninja's own pages show it: models, schemas made from them, uvicorn, psycopg's pool."""

import hashlib
import os
from datetime import datetime
from typing import Any
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.core.handlers.asgi import ASGIHandler  # noqa: E402 - needs the settings
from django.http import HttpRequest  # noqa: E402
from django.test import override_settings  # noqa: E402
from django.urls import path  # noqa: E402
from ninja import NinjaAPI, Schema  # noqa: E402
from ninja.security import APIKeyCookie  # noqa: E402

from identity.models import Session  # noqa: E402
from voice.models import Call, Lead  # noqa: E402


class CookieAuth(APIKeyCookie):
    param_name = "session"

    def authenticate(self, request: HttpRequest, key: str | None) -> Session | None:
        digest = hashlib.sha256((key or "").encode()).hexdigest()
        return Session.objects.select_related("user", "membership").filter(key_digest=digest).first()


class LeadOut(Schema):
    id: UUID
    first_name: str
    last_name: str
    company: str
    phone_e164: str | None
    notes: str
    country: str
    time_zone: str
    erased_at: datetime | None
    created_at: datetime
    last_call_at: datetime | None


class LeadPage(Schema):
    items: list[LeadOut]


class CallLead(Schema):
    id: UUID
    name: str
    phone_e164: str | None


class CallUser(Schema):
    id: UUID
    first_name: str
    last_name: str


class CallOut(Schema):
    id: UUID
    lead: CallLead
    user: CallUser
    status: str
    transcript_state: str
    created_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    duration_s: int
    charged_mcredits: int
    sequence: int
    end_reason: str | None
    disposition: str | None
    notes: str


api = NinjaAPI(auth=CookieAuth(csrf=False), docs_url=None)


@api.get("/leads", response=LeadPage)
def leads(request: HttpRequest, limit: int = 50) -> Any:
    workspace_id = request.auth.membership.workspace_id  # type: ignore[attr-defined]
    found = Lead.objects.for_workspace(workspace_id).order_by("-created_at", "-id")[:limit]
    return {"items": list(found)}


@api.get("/calls/{call_id}", response=CallOut)
def call(request: HttpRequest, call_id: UUID) -> Any:
    workspace_id = request.auth.membership.workspace_id  # type: ignore[attr-defined]
    return Call.objects.for_workspace(workspace_id).select_related("lead", "user").get(id=call_id)


urlpatterns = [path("", api.urls)]
override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[], ALLOWED_HOSTS=["*"]).enable()
application = ASGIHandler()
