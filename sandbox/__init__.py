"""The sandbox: Twilio, Paddle and a mail server on this machine's loopback, over real HTTP, WebSockets and SMTP.

A process of its own (`python -m sandbox`). It imports nothing of the product and the product imports nothing of it:
only base URLs differ between it and the real services. See docs/sandbox.md.
"""
