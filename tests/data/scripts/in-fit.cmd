#: fit
#: setenv fdt_addr_r 0x43000000
# This script is in a FIT image.
setenv bootargs from a FIT
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
