"""``tally issue``: from the rows of a roster to credentials and receipts."""
