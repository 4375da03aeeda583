"""The application that holds the product's own management commands and installs the process-wide guards."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        from django.conf import settings

        from processors import guard

        guard.install(settings)
