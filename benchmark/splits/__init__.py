"""Where to cut a network: costs, modelled latency and energy, leak, and the best choice within limits."""
