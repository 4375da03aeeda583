"""Lists the versions of the policy, and how many people were told of each."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from compliance import policy_queries
from compliance.policy_change import publish_versions


class Command(BaseCommand):
    help = "Lists the versions of the policy, and how many people were told of each, by mail and on the page."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--publish", action="store_true", help="make the registry's new versions known now; the clock does it too"
        )

    def handle(self, *args: Any, publish: bool, **options: Any) -> None:
        if publish:
            published = publish_versions(now=datetime.now(UTC))
            self.stdout.write(f"Published: {', '.join(published) or 'nothing new'}.")
        told = {each.version: each for each in policy_queries.told()}
        for each in policy_queries.versions().items:
            line = f"{each.version}  {each.state}  from {each.effective_on}"
            if counts := told.get(each.version):
                line += (
                    f", told since {each.published_at:%Y-%m-%d}: {counts.by_mail} by mail, {counts.on_page} on the page,"
                    f" {counts.came_back} mails came back, {counts.waiting} waiting"
                )
            self.stdout.write(line)
