"""From a request or a suite to the list of cells."""
