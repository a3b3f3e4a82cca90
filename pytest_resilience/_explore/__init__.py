"""Runs a test again and again, each time with something else going wrong, and says which runs are bugs."""
