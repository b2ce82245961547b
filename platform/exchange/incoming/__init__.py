"""What comes in: files of others become items, pure reading without the database."""
