#: setenv fdt_addr_r 0x43000000
# The ramdisk is loaded where U-Boot would move it to: since 2025.01 what is loaded is reserved, so it goes below.
setenv initrd_high
setenv fdt_high
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
load virtio 0 0x5d000000 initrd.img
bootz ${kernel_addr_r} 0x5d000000:${filesize} ${fdt_addr_r}
