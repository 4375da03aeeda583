"""What concerns one number comes one after the other: passcodes to it, its stop, and whose it becomes.

Whoever locks people's rows too takes the numbers first.
"""

from django.db import connection

from processors.pseudonyms import pseudonym


def lock_numbers(*mobiles_e164: str) -> None:
    """Until the transaction ends."""
    line_up(*(name_of(pseudonym("phone", mobile)) for mobile in mobiles_e164))


def name_of(number_key: str) -> str:
    """Of a number's lock, for whoever takes others with it."""
    return f"otp:{number_key}"


def line_up(*names: str) -> None:
    """Whoever asks for the same comes one after the other; held to the end of the transaction. In one order, so that two requests never
    wait for each other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(%s::text[]) AS name", [sorted(names)]
        )
