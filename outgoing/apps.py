"""Signed messages to servers that a workspace names."""

from django.apps import AppConfig


class OutgoingConfig(AppConfig):
    name = "outgoing"
    default_auto_field = "django.db.models.BigAutoField"
