"""May an alert leave? Which events ask, the window of each error, the cap per minute."""
