"""kill -9 of web, worker, meter and PostgreSQL during three hundred simulated calls leaves the books exact.

Twenty seeds; `make chaos NAME=ledger SEEDS=200` runs as many as wanted. test_ledger_guards.py plants bugs that this catches.
"""

from pathlib import Path

from tests.chaos.__main__ import SEEDS
from tests.chaos.ledger.harness import CALLS_A_SEED, LedgerChaos


def test_twenty_seeds_of_kills_lose_nothing_double_nothing_and_leave_nothing_stuck(tmp_path: Path) -> None:
    with LedgerChaos(tmp_path / "data") as chaos:
        chaos.run_all(range(1, SEEDS + 1))
        tally = chaos.close_books()
    assert tally.wrong == []
    assert (tally.seeds, tally.calls) == (SEEDS, SEEDS * CALLS_A_SEED)
    assert tally.kills >= SEEDS
