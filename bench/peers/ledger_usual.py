"""The usual ways to debit, on tables of their own as Django makes them: `python -m bench.peers.ledger_usual orm|cte SECONDS`.

Both write an entry with a unique key and its two postings and take the amount off a balance that cannot fall below 0. They
number no entries, keep no running balance and fire no trigger.
"""

import os
import sys
import threading
from typing import ClassVar
from uuid import UUID

import django
import psycopg
from django.db import models, transaction
from uuid_utils.compat import uuid7

from bench.peers import clients

if not django.apps.apps.ready:
    django.setup()

FUNDS = 10**15


class Account(models.Model):
    objects: ClassVar["models.Manager[Account]"] = models.Manager()

    id = models.UUIDField(primary_key=True, default=uuid7)
    balance = models.BigIntegerField()

    class Meta:
        app_label = "usual"
        constraints = (models.CheckConstraint(condition=models.Q(balance__gte=0), name="usual_never_negative"),)


class Entry(models.Model):
    objects: ClassVar["models.Manager[Entry]"] = models.Manager()

    id = models.UUIDField(primary_key=True, default=uuid7)
    key = models.CharField(max_length=160, unique=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    occurred_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "usual"


class Posting(models.Model):
    objects: ClassVar["models.Manager[Posting]"] = models.Manager()

    id = models.UUIDField(primary_key=True, default=uuid7)
    entry = models.ForeignKey(Entry, on_delete=models.PROTECT)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    side = models.CharField(max_length=6)
    amount = models.BigIntegerField()

    class Meta:
        app_label = "usual"


SALES = UUID(int=1)
_CTE = """
WITH entry AS (
    INSERT INTO usual_entry (id, key, account_id, occurred_at) VALUES (uuidv7(), %(key)s, %(account)s, now())
    RETURNING id
), taken AS (
    UPDATE usual_account SET balance = balance - 1 WHERE id = %(account)s RETURNING balance
), postings AS (
    INSERT INTO usual_posting (id, entry_id, account_id, side, amount)
    SELECT uuidv7(), entry.id, line.account::uuid, line.side, 1
    FROM entry CROSS JOIN (VALUES (%(account)s, 'debit'), (%(sales)s, 'credit')) AS line (account, side)
)
SELECT balance FROM taken
"""
_own = threading.local()


def make(accounts: int) -> list[str]:
    """The tables and so many accounts that can pay."""
    from django.db import connection

    with connection.schema_editor() as editor:
        for model in (Account, Entry, Posting):
            editor.create_model(model)
    Account.objects.create(id=SALES, balance=0)
    made = Account.objects.bulk_create(Account(balance=FUNDS) for _ in range(accounts))
    return [str(account.id) for account in made]


def by_orm(account_id: str, key: str) -> None:
    with transaction.atomic():
        account = Account.objects.select_for_update().get(id=account_id)
        if account.balance < 1:
            raise RuntimeError("not enough")
        entry = Entry.objects.create(key=key, account=account)
        Posting.objects.bulk_create(
            [
                Posting(entry=entry, account=account, side="debit", amount=1),
                Posting(entry=entry, account_id=SALES, side="credit", amount=1),
            ]
        )
        account.balance -= 1
        account.save(update_fields=["balance"])


def by_cte(account_id: str, key: str) -> None:
    if not hasattr(_own, "connection"):
        _own.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    values = {"key": key, "account": UUID(account_id), "sales": SALES}
    _own.connection.execute(_CTE, values, prepare=True).fetchone()


if __name__ == "__main__":
    clients.main({"orm": by_orm, "cte": by_cte}[sys.argv[1]])
