#: setenv fdt_addr_r 0x43000000
#: setenv slash 'a\\b'
# Backslashes.
s=escapes
setenv v a\ b c\\d; s="${s} 1<${v}>"
setenv v "e\"f"; s="${s} 2<${v}>"
setenv v ${slash} "${slash}"; s="${s} 3<${v}>"
setenv v \$slash "\$slash" \'x\'; s="${s} 4<${v}>"
v='a\b'; s="${s} 5<${v}>"
v=a\ b\c; s="${s} 6<${v}>"
setenv bootargs "${s}"
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
