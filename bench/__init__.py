"""Measurements of the product beside peers and a limit, alternating in one run. `make bench NAME=...`"""
