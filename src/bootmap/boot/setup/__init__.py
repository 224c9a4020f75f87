"""setup_arch up to paging_init: the machine, the banks of RAM, the early parameters."""
