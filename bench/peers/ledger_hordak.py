"""django-hordak's own transfer, in an environment of its own: `python -m bench.peers.ledger_hordak make N | SECONDS`.

A transfer has a unique id. Nothing keeps an account from falling below 0, which the product's debit does.
"""

import json
import os
import sys
import uuid
from typing import Any

import django
from django.conf import settings

from bench.peers import clients


def start() -> None:
    at = dict(part.split("=", 1) for part in os.environ["HORDAK_DATABASE"].split())
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": at["dbname"],
        "USER": at["user"],
        "PASSWORD": at["password"],
        "HOST": at["host"],
        "CONN_MAX_AGE": None,
    }
    settings.configure(
        DATABASES={"default": database},
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "mptt", "djmoney", "hordak"],
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DEFAULT_CURRENCY="USD",
        HORDAK_INTERNAL_CURRENCY="USD",
        CURRENCIES=("USD",),
        SECRET_KEY="unused",  # noqa: S106 - nothing is signed
    )
    django.setup()


def make(accounts: int) -> list[int]:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from hordak.models import Account, AccountType  # type: ignore[import-not-found]

    made = [
        Account.objects.create(name=f"{number}", code=f"{number}", type=AccountType.liability, currencies=["USD"])
        for number in range(accounts)
    ]
    Account.objects.create(name="sales", code="sales", type=AccountType.income, currencies=["USD"])
    return [account.pk for account in made]


def transfer() -> Any:
    from django.db import transaction
    from hordak.models import Account
    from moneyed import Money  # type: ignore[import-not-found]

    accounts = {account.pk: account for account in Account.objects.all()}
    sales = next(account for account in accounts.values() if account.name == "sales")

    def debit(account: int, key: str) -> None:
        with transaction.atomic():
            accounts[account].transfer_to(
                sales, Money("0.01", "USD"), uuid=uuid.uuid5(uuid.NAMESPACE_OID, key), description=key
            )

    return debit


if __name__ == "__main__":
    start()
    if sys.argv[1] == "make":
        print(json.dumps(make(int(sys.argv[2]))), flush=True)
    else:
        clients.main(transfer())
