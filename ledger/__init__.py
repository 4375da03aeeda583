"""Money: double entry in milli-credits."""
