"""Servers that are separate processes, and the messages to and from them."""
