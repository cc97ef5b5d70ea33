"""``tally erase``: destroying what connects a document with its entry."""
