# Addresses that are computed, a limit, a command in a variable.
setexpr disk ${kernel_addr_r} + 5000000
setexpr tree ${disk} - 0x800000
setenv bootm_size 0x8000000
setenv fdt_high 0x46000000
load virtio 0 ${kernel_addr_r} vmlinuz && load virtio 0 ${tree} board.dtb && load virtio 0 ${disk} initrd.img
setenv words 'bootz ${kernel_addr_r} ${disk}:${filesize} ${tree}'
if itest ${disk} > ${tree}; then run words; else echo never; fi
