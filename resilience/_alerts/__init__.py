"""Alerts from the question whether one may leave to its delivery, which nobody waits for."""
