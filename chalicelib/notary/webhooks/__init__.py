"""What happened, told to tenants' endpoints (Standard Webhooks)."""
