"""The table of armed failpoints, and the language that says what happens there."""
