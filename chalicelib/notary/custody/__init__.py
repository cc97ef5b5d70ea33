"""Issuing for those who hold no key: records, orders, and what becomes of them."""
