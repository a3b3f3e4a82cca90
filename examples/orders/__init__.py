"""A small service that takes orders from a queue, charges for them, stores them in SQLite and books their parcels.

It retries as production code does: each function that may fail for a while says so in its decorator, and no other line
knows about it.
"""
