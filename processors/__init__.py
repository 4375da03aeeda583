"""The closed list of recipients and the only way out of the machine."""
