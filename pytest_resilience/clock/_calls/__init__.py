"""One file for each thing that a program calls, with what the clock puts in its place."""
