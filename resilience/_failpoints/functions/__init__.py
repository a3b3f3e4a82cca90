"""Functions as places of faults: how one is found and replaced, and what a fault does to its calls."""
