"""bootmem_init and the zones."""
