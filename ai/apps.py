"""Listening (speech to text) and thinking (passages, answers, insights)."""

from django.apps import AppConfig


class AiConfig(AppConfig):
    name = "ai"
    default_auto_field = "django.db.models.BigAutoField"
