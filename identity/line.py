"""A queue for whatever is counted: whoever asks for the same comes one after the other, so that none passes a limit together."""

from django.db import connection


def line_up(*names: str) -> None:
    """Held to the end of the transaction. In one order, so that two requests never wait for each other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(%s::text[]) AS name", [sorted(names)]
        )
