"""Paddle's notifications. A plain view, since the signature covers the body byte by byte."""

import logging

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from api.credits import PROBLEMS
from api.errors import problem
from ledger.operations import receive_webhook
from ledger.paddle import NotificationMalformed, SignatureInvalid, SignatureStale

logger = logging.getLogger(__name__)


@csrf_exempt
@require_POST
def paddle_webhook(request: HttpRequest) -> HttpResponse:
    """200 once the notification is stored, a repeated one too; Paddle sends again what is answered otherwise."""
    try:
        receive_webhook(body=request.body, signature=request.headers.get("Paddle-Signature"), now=timezone.now())
    except (SignatureInvalid, SignatureStale, NotificationMalformed) as error:
        logger.warning("paddle notification refused", extra={"code": error.code})
        return problem(PROBLEMS[type(error)], error.code, error.message)
    except RequestDataTooBig:
        return problem(413, "body_too_large", "The notification is larger than 1 MiB. Send less at once.")
    except UnreadablePostError:
        return problem(400, "body_incomplete", "The notification broke off. Send it again.")
    return JsonResponse({"received": True})
