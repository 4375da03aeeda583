"""Google and Facebook as far as signing in with them goes."""
