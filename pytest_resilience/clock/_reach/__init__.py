"""How a call is redirected."""
