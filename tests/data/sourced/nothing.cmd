#: setenv fdt_addr_r 0x43000000
# An address to which nothing was loaded.
source 48000000; setenv s "none=$?"
setenv bootargs "${s}"
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
