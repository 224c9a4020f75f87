#: setenv fdt_addr_r 0x43000000
# The ramdisk is larger than bootm_size leaves room for: U-Boot says so, and comes back.
setenv bootm_size 0x400000
setenv initrd_high
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
load virtio 0 ${ramdisk_addr_r} initrd.img
bootz ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdt_addr_r}
