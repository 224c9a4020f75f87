"""paging_init: the lowmem split and the page tables."""
