#: setenv fdt_addr_r 0x43000000
#: setenv zero 0
# A division by zero.
setexpr v 5 / ${zero}
setenv bootargs "divided=$?"
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
