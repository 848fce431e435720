"""Hostile input to everything that reads a file or a text of a user's, guided by what code it reaches."""
