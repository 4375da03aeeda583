"""Money: double entry in milli-credits."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class LedgerConfig(AppConfig):
    name = "ledger"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from ledger.seed import seed

        post_migrate.connect(seed, sender=self, dispatch_uid="ledger.seed")
