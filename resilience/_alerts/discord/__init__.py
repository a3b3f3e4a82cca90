"""Discord's webhooks: the client, its payload, and what its refusals mean."""
