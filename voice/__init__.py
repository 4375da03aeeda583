"""Leads, calls, media streams, transcripts and Twilio."""
