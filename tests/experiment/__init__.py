"""The gold-reward experiment: a preference that is known exactly shows what the trainer does with rankings of it."""
