"""arm_memblock_init: what is set aside before anything is mapped."""
