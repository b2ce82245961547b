"""The HTTP API `/api/v1`: what the pages can do, for programs. Each function parses, calls the pages' verbs, shapes."""
