"""``--resilience-report``: what every test of a run did, in a file."""
