"""Attesting in Bitcoin, through a node of one's own."""
