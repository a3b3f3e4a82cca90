"""What the plugin keeps of a run of pytest: options, the state of each test, the summary."""
