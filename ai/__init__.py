"""Listening (speech to text) and thinking (passages, answers, insights)."""
