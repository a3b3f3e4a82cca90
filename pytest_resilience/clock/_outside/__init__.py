"""What the kernel tells of outsiders: processes, peers, and threads that are not in the bubble."""
