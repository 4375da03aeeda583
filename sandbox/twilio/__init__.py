"""Twilio: Voice (REST, TwiML, status callbacks, Media Streams) and Verify."""
