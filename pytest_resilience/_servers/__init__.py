"""Servers of the kit on loopback: an HTTP server and a TCP proxy, each of whose answers a script can break."""
