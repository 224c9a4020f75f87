#: setenv fdt_addr_r 0x43000000
#: setenv wrong 'setenv r r; fi; setenv r s'
# A mistake in a variable that is run, and one that is not set.
run wrong
setenv s "wrong=$?"
run no_such
setenv s "${s} none=$?"
setenv bootargs "${s} r=${r}"
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
