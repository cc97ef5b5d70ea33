"""Credentials in the hands of software that we did not write."""
