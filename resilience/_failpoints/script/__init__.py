"""Fault scripts: which fault strikes at which call, in code and as text. `resilience.testing` exports them.

To add an action: write its class in `actions`, and its builder in `builders`.
"""
