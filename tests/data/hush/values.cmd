#: setenv fdt_addr_r 0x43000000
#: setenv list 'a b'
#: setenv quoted '"a b" c'
# What a loop goes through, and what it leaves.
s=values
for x in ${list} c; do s="${s} ${x}"; done
s="${s} 1<${x}>"
for x in "${list}" d; do s="${s} (${x})"; done
for x in 'e f' g; do s="${s} (${x})"; done
for x in ${quoted}; do s="${s} (${x})"; done
for x in ${none} "" h; do s="${s} (${x})"; done
setenv x env; for x in i j; do s="${s} (${x})"; done
setenv x; s="${s} 2<${x}>"
setenv bootargs "${s}"
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
