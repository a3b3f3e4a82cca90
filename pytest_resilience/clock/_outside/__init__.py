"""What the kernel tells of whoever is not in the bubble."""
