"""What the templates of annotations need beyond Django."""
