"""Measurements against peers, as ratios in one run; ``python -m benchmarks`` runs all of them."""
