"""The application that holds the product's own management commands and installs the process-wide guards."""

from django.apps import AppConfig, apps


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        from django.conf import settings
        from django.db.backends.signals import connection_created
        from django.db.models.signals import post_migrate

        from identity import tenancy
        from processors import guard

        guard.install(settings)
        connection_created.connect(tenancy.forget)
        # Once after all migrations of all applications, so that no table can be forgotten.
        post_migrate.connect(tenancy.guard_tables, sender=apps.get_app_config("voice"))
