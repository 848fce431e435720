"""Efficiency tables: from the records of `attnbench efficiency` to text, and two stores beside each other."""
