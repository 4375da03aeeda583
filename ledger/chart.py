"""The chart of accounts."""

from typing import Final, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

AccountKind = Literal["available", "debt", "held", "paddle_clearing", "promotions", "sales"]
Side = Literal["debit", "credit"]

# A workspace's own accounts. available and held are what we owe the workspace, debt is what it owes us.
TENANT_ACCOUNTS: Final[tuple[AccountKind, ...]] = ("available", "debt", "held")
# The house's accounts, one each. Their balances are summed when asked for, so that no row is written by everybody.
HOUSE_ACCOUNTS: Final[tuple[AccountKind, ...]] = ("paddle_clearing", "promotions", "sales")
# These grow by debits, the others by credits.
DEBIT_NORMAL: Final = frozenset({"debt", "paddle_clearing", "promotions"})
# The same on every machine, so that no operation has to look them up.
HOUSE_ACCOUNT_IDS: Final[dict[AccountKind, UUID]] = {
    kind: uuid5(NAMESPACE_URL, f"https://klosesales.com/ledger/accounts/{kind}") for kind in HOUSE_ACCOUNTS
}
# What an increase of each account does to a workspace's credit: available + held - debt.
CREDIT_SIGN: Final[dict[AccountKind, int]] = {"available": 1, "held": 1, "debt": -1}


def change(*, account: AccountKind, side: Side, amount_mcredits: int) -> int:
    """How a posting changes an account's balance in the account's own direction. Pure."""
    return amount_mcredits if (side == "debit") == (account in DEBIT_NORMAL) else -amount_mcredits
