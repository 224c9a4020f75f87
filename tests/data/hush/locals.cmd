#: setenv fdt_addr_r 0x43000000
#: setenv global g
# Variables of the shell's own, and those of the environment.
s=locals
a=1; s="${s} 1<${a}>"
a=; s="${s} 2<${a}>"
global=h; s="${s} 3<${global}>"
setenv global; s="${s} 4<${global}>"
_u=2; s="${s} 5<${_u}${a1}>"
a="b  c"; s="${s} 6<${a}>"
a=d e=f; s="${s} 7<${a}${e}>"
setenv name k; s="${s} 8<${name}>"
a1=z; s="${s} 9<$a1><${a1}>"
run a; s="${s} 10=$?"
b='x${a}y'; s="${s} 11<${b}>"
setenv bootargs "${s}"
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
