"""Attesting in a chain of Ethereum's kind, through a node that need not be trusted."""
