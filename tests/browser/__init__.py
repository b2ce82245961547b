"""What people see and press, in a real Chromium against a real server."""
