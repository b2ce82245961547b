"""The loop without people: simulated labelers with a known preference work through the site's own pages."""
