#: setenv fdt_addr_r 0x43000000
#: disk inner.scr script errors-first.txt
# A mistake in a script that another one runs.
load virtio 0 ${scriptaddr} inner.scr
source 40200000
setenv bootargs "error=$? inner=${inner}"
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
