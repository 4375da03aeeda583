"""Paddle Billing: its API, Paddle.js with the checkout, and signed notifications."""
