"""Rosters: tables of people's claims as registrars have them, read row by row into claims of a
profile. Pure: bytes in, claims and faults out.

encoding (bytes to text) → table (text to cells) → columns (which claim each column holds) → cells
(text to a JSON value) → reading (rows of claims, each held against the schema).

A fault says where and what was expected, never what was found.
"""
