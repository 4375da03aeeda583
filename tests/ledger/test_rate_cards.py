"""Prices are versions: one is added by a command, and a call keeps the one that it began with."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from ledger import queries
from ledger.models import RateCard

pytestmark = pytest.mark.django_db(transaction=True)


def test_without_options_the_versions_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("rate_card")
    assert capsys.readouterr().out.startswith(
        "version 1 from 2020-01-01 00:00 UTC: 1000 milli-credits a minute, by 60 s"
    )
    assert RateCard.objects.count() == 1


def test_a_new_version_keeps_what_is_left_out_and_is_in_force_from_its_time_on() -> None:
    begins = datetime.now(UTC) + timedelta(days=2)
    call_command("rate_card", "--increment", "1", "--minimum", "10", "--from", begins.isoformat())
    added = RateCard.objects.get(version=2)
    assert (added.mcredits_per_minute, added.increment_s, added.minimum_s, added.ai_query_mcredits) == (
        1_000,
        1,
        10,
        200,
    )
    anybody = added.id
    assert queries.rate_card_now(anybody, begins - timedelta(seconds=1)).version == 1
    assert queries.rate_card_now(anybody, begins).version == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--per-minute", "0"), "The price of a minute is 0"),
        (("--increment", "3601"), "The increment is 3601"),
        (("--minimum", "-1"), "The minimum is -1"),
        (("--ai-query", "1000000001"), "The price of a question is"),
        (("--increment", "1", "--from", "2020-01-01T00:00:00+00:00"), "now or later"),
        (("--increment", "1", "--from", "2030-01-01T00:00:00"), "no time with a zone"),
        (("--increment", "1", "--from", "soon"), "no time with a zone"),
        (("--increment", "1", "--from", "2030-02-30T00:00:00+00:00"), "no time with a zone"),
    ],
)
def test_a_version_that_cannot_be_is_refused_and_not_added(options: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("rate_card", *options)
    assert RateCard.objects.count() == 1
