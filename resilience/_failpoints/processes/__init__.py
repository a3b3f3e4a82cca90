"""Faults in other processes than a test's: as an environment variable says, or as the test decides that began them."""
