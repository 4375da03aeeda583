"""Our own people and what they look at."""

from django.apps import AppConfig


class StaffConfig(AppConfig):
    name = "identity.staff"
    label = "staff"
    default_auto_field = "django.db.models.BigAutoField"
