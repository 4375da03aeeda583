"""Text messages that people send to our number. A plain view, since Twilio posts a signed form.

https://www.twilio.com/docs/messaging/guides/webhook-request; OptOutType:
https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
"""

import logging
from typing import Final, Literal

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from api.errors import problem
from identity import opt_out
from identity.contact import MobileInvalid, parse_mobile
from voice.twilio import signed_by_twilio

logger = logging.getLogger(__name__)

# Twilio's keywords for English; alone in the message, in any case.
STOP_WORDS: Final = frozenset({"STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"})
START_WORDS: Final = frozenset({"START", "YES", "UNSTOP"})
# Twilio confirms to the phone by itself; a second message from us would be one too many.
NOTHING_TO_SAY: Final = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


@csrf_exempt
@require_POST
def message_received(request: HttpRequest) -> HttpResponse:
    """Whoever answers STOP gets no more text messages; whoever answers START may have them again."""
    try:
        genuine = signed_by_twilio(request)
        form = request.POST
    except (BadRequest, MultiPartParserError, SuspiciousOperation, UnicodeDecodeError, UnreadablePostError):
        return problem(400, "body_unusable", "The form cannot be read. Send it again.")
    except RequestDataTooBig:
        return problem(413, "body_too_large", "The form is too large. Send less at once.")
    if not genuine:
        return problem(
            403,
            "signature_invalid",
            "The request is not signed by the carrier. Check the auth token and the public address.",
        )
    asked = _asked(form.get("OptOutType", ""), form.get("Body", ""))
    if asked is not None:
        try:
            mobile = parse_mobile(form.get("From", ""))
            if asked == "stop":
                opt_out.stop_number(mobile_e164=mobile, way="text", now=timezone.now())
            else:
                opt_out.allow_number(mobile_e164=mobile, way="text", now=timezone.now())
        except MobileInvalid as error:
            return problem(400, error.code, "From is no telephone number. Send the sender's, with its country code.")
        except (OperationalError, InterfaceError):
            return problem(503, "database_unavailable", "This cannot be taken now. Send it again.")
        logger.info("text message answered", extra={"kind": asked})
    return HttpResponse(NOTHING_TO_SAY, content_type="text/xml; charset=utf-8")


def _asked(opt_out_type: str, body: str) -> Literal["stop", "start"] | None:
    """What the carrier understood, if it says so; else the word itself."""
    word = (opt_out_type or body).strip().upper()
    return "stop" if word in STOP_WORDS else "start" if word in START_WORDS else None
