"""What the mails about an account's e-mail address say."""

from typing import Final

from django.conf import settings

from identity.email_proof import link_token
from identity.models import AccountMail

_SUPPORT: Final = "support@klosesales.com"
_ONCE: Final = "The link works once, within 24 hours, and does nothing before you press the button on its page."


def written(mail: AccountMail) -> tuple[str, str]:
    """Subject and text. The token stands after the #, so that no server on the way ever writes it into a log."""
    page = f"{settings.PUBLIC_URL}/confirm-email#{link_token(mail)}"
    if mail.kind == AccountMail.VERIFY_EMAIL:
        return (
            "Confirm your e-mail address",
            f"Confirm that this is your address at Klosesales: {page}\n\n{_ONCE}\n"
            "You may call without it; inviting others waits for it.\n"
            f"If you have no account with us, press nothing and tell {_SUPPORT}.\n",
        )
    if mail.kind == AccountMail.NEW_EMAIL:
        return (
            "Confirm your new e-mail address",
            f"Make this the address of your account at Klosesales: {page}\n\n{_ONCE}\n"
            "All other browsers are signed out with it. Until then your present address counts.\n"
            "If you did not ask for it, do nothing: nothing changes.\n",
        )
    undo = (
        f"If it was not you, take this address back within a week: {page}\n"
        "That signs everybody out, ends API keys and asks for a new password.\n"
        f"If your mobile number was changed too, write to {_SUPPORT} then: signing in asks that phone for a code.\n"
        if mail.used_at is None
        else f"If it was not you, write to {_SUPPORT} at once.\n"
    )
    return (
        "Your e-mail address was changed",
        f"Your account at Klosesales has another e-mail address now; mails no longer come to this one.\n{undo}",
    )
