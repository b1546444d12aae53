"""Where cells are computed: in processes of this machine, or on Ray."""
