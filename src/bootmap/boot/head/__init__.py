"""arch/arm/kernel/head.S: the first page tables."""
