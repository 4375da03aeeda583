"""The closed list of recipients and the only way out of the machine."""

from django.apps import AppConfig


class ProcessorsConfig(AppConfig):
    name = "processors"
    default_auto_field = "django.db.models.BigAutoField"
