"""How an alert leaves: queued, written, sent, tried again, by threads in the background."""
