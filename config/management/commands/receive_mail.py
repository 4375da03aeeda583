"""Takes one mail from a mail server's pipe."""

import logging
import sys
from datetime import UTC, datetime
from typing import Any, BinaryIO

from django.conf import settings
from django.core.management.base import BaseCommand

from compliance.mail_in import MAIL_BYTES_MAX, read_mail
from compliance.receiving import receive

logger = logging.getLogger(__name__)

# sysexits.h: the mail server keeps the mail and tries again.
TEMPORARY_FAILURE = 75


class Command(BaseCommand):
    help = "Reads one mail from standard input, as a mail server pipes it, and keeps it as a case. Ends with 75 to be tried again."
    requires_system_checks = ()
    stealth_options = ("stdin",)

    def handle(self, *args: Any, **options: Any) -> None:
        source: BinaryIO = options.get("stdin") or sys.stdin.buffer
        # One byte more tells that there was more; the rest is read and dropped, so that the pipe does not break.
        raw = source.read(MAIL_BYTES_MAX + 1)
        while source.read(65_536):
            pass
        if not raw:
            return
        try:
            case = receive(mail=read_mail(raw, authserv_id=settings.MAIL_AUTHSERV_ID), now=datetime.now(UTC))
        except Exception as error:
            # The database may be away. A mail server that is told anything else throws the mail back or away.
            logger.error(
                "mail not taken, to be tried again", extra={"error_type": type(error).__name__}, exc_info=error
            )
            sys.exit(TEMPORARY_FAILURE)
        if case is not None:
            logger.info("mail taken", extra={"reference": case.reference})
