"""Consent, suppression, requests, erasure, retention, inventory and clauses."""
