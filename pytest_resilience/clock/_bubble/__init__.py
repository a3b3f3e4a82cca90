"""The rule: who runs, and when time moves."""
