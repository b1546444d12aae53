"""Results as one page for the browser, and as figures for papers."""
