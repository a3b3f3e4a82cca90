"""Alerts, from the question whether one may be sent to its delivery in the background."""
