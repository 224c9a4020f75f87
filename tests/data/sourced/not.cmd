#: setenv fdt_addr_r 0x43000000
#: setenv full x
# What stands for a command that there is not.
! false
setenv s "not=$?"
if ! test -n "${full}"; then setenv s "${s} then"; else setenv s "${s} else"; fi
if ! test -n "${none}"; then setenv s "${s} then"; else setenv s "${s} else"; fi
setenv bootargs "${s}"
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
