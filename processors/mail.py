"""Sends mails; each is kept in a row until the mail server has taken it."""

import logging
import smtplib
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage

logger = logging.getLogger(__name__)

AT_ONCE_MAX: Final = 20
# Longer than a mail server is waited for; a process that died with the mail gives it up to the next one after this.
CLAIM: Final = timedelta(minutes=5)
ATTEMPTS_MAX: Final = 50


def send(*, to: Sequence[str], subject: str, text: str, row_id: UUID, attempt: int) -> bool:
    """Whether the mail server took it; without a reader there is nothing to be taken.

    row_id: the row that the mail is kept in; the log says no more of it.
    """
    try:
        if to:
            EmailMessage(subject, text, settings.DEFAULT_FROM_EMAIL, list(to)).send()
    except (OSError, smtplib.SMTPException) as error:
        logger.warning(
            "mail not sent yet",
            extra={"notice_id": str(row_id), "error_type": type(error).__name__, "attempt": attempt},
        )
        return False
    return True
