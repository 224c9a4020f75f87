#: setenv fdt_addr_r 0x43000000
# The tree is loaded last, so the ramdisk gets the tree's size.
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${ramdisk_addr_r} initrd.img
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdt_addr_r}
