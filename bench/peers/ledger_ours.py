"""The product's own debit, as a thread of the web process calls it: `python -m bench.peers.ledger_ours SECONDS`."""

from datetime import UTC, datetime
from uuid import UUID

import django

from bench.peers import clients

if __name__ == "__main__":
    django.setup()
    from ledger import operations

    def debit(account: str, key: str) -> None:
        operations.debit(
            workspace_id=UUID(account),
            key=key,
            amount_mcredits=1,
            kind="ai_query",
            reference="bench",
            now=datetime.now(UTC),
        )

    clients.main(debit)
