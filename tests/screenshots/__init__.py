"""Every page of the site as everybody sees it: the list of pages, the rows behind them, and pictures of them."""
