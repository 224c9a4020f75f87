#: setenv fdt_addr_r 0x43000000
# The ramdisk would be loaded over U-Boot itself.
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
load virtio 0 0x5f000000 initrd.img && bootz ${kernel_addr_r} 0x5f000000:${filesize} ${fdt_addr_r}
