"""Every HTTP path of the product."""

from django.urls import path, re_path

from api import social
from api.app import api
from api.errors import unknown_path
from api.paddle_webhook import paddle_webhook
from api.twilio_messages import message_received
from config import pages
from voice import webhooks

urlpatterns = [
    path("healthz", pages.healthz),
    path("readyz", pages.readyz),
    path("api/", api.urls),
    re_path(r"^api/", unknown_path),
    path("paddle/webhook", paddle_webhook),
    re_path("^social/(?P<provider>google|facebook)/return$", social.returned),
    path("twilio/messages", message_received),
    path("twilio/check/<uuid:check_id>/answer", webhooks.scripted_answer),
    path("twilio/check/<uuid:check_id>/status", webhooks.scripted_status),
    path("twilio/check/<uuid:check_id>/stream", webhooks.scripted_stream),
    path("twilio/browser", webhooks.browser_connected),
    path("twilio/browser/status", webhooks.browser_status),
    path("twilio/voice/<uuid:call_id>/agent", webhooks.agent_answered),
    path("twilio/voice/<uuid:call_id>/status", webhooks.leg_status),
    path("twilio/voice/<uuid:call_id>/machine", webhooks.machine),
    path("twilio/voice/<uuid:call_id>/stream", webhooks.stream_status),
    path("twilio/voice/<uuid:call_id>/transcription/<uuid:stream_id>", webhooks.transcribed),
    path("twilio/voice/<uuid:call_id>/notice", webhooks.notice),
    path("twilio/voice/<uuid:call_id>/notice/played", webhooks.notice_played),
    path("twilio/voice/<uuid:call_id>/closing", webhooks.closing),
    path("twilio/voice/<uuid:call_id>/after", webhooks.after_dial),
    re_path(r"^(?!api/|assets/|static/|twilio/|paddle/).*$", pages.frontend),
]
