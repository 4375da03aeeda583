"""Signed messages to servers that a workspace names."""

from django.apps import AppConfig


class OutgoingConfig(AppConfig):
    name = "identity.outgoing"
    label = "outgoing"
    default_auto_field = "django.db.models.BigAutoField"
