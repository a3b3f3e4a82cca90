"""What is right after a run with faults, and what is a finding: one file for each kind."""
