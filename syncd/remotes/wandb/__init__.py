"""A W&B server as a target: its operations in GraphQL, its file stream, its storage."""
