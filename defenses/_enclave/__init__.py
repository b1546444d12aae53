"""A simulated enclave: attestation, sealed channel and the model behind it."""
