"""JSON schemas (2020-12) of what the API reads and answers; docs/formats.md has the formats."""
