"""The verbs: one named function for everything that changes what people said. Import the module you need."""
