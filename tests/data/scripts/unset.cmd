# fdt_addr_r is not set on this board: load takes the file's name for the address, and bootz has no tree.
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
