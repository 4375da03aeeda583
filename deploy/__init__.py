"""What brings the project onto a machine."""
