#: setenv fdt_addr_r 0x43000000
# The ramdisk's size is kept before the tree is loaded; both stay where they are.
setenv initrd_high 0xffffffff
setenv fdt_high ffffffff
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${ramdisk_addr_r} initrd.img; setenv rdsize ${filesize}
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} ${ramdisk_addr_r}:${rdsize} ${fdt_addr_r}
