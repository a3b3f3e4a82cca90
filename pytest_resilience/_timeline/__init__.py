"""Everything that happened in a test, in order, and the views of it."""
