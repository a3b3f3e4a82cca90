"""Small helpers that know nothing of retries: forks, lazy imports, wording, tracebacks as text."""
