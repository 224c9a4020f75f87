#: setenv fdt_addr_r 0x43000000
# What blocks return, and what is $? in them.
s=statuses
false; if true; then setenv s "${s} 1=$?"; fi
if false; then true; else setenv s "${s} 2=$?"; fi
if false; then true; elif setenv s "${s} 3=$?"; then true; fi
if false; then true; fi; setenv s "${s} 4=$?"
if true; then false; fi; setenv s "${s} 5=$?"
n=3; while test ${n} -gt 0; do setexpr n ${n} - 1; false; done; setenv s "${s} 6=$?"
n=0; until test ${n} -gt 1; do setexpr n ${n} + 1; false; done; setenv s "${s} 7=$?,${n}"
for x in 1 2 3; do setenv s "${s} x${x}=$?"; test ${x} = 2; done; setenv s "${s} 8=$?"
for x in 1; do if true; then false; fi; done; setenv s "${s} 9=$?"
false; a=1; setenv s "${s} 10=$?"
false; setenv a b; setenv s "${s} 11=$?"
false
# a comment

setenv s "${s} 12=$?"
setenv bootargs "${s}"
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
