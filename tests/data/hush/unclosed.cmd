#: setenv fdt_addr_r 0x43000000
# What is never closed is not run; what calls it goes on.
#: setenv open_if 'setenv r 1; if true; then setenv r 2'
#: setenv open_quote 'setenv r 3; setenv r "4'
#: setenv open_brace 'setenv r 5; setenv r ${a.b}'
s=unclosed
run open_if; s="${s} if=$?"
run open_quote; s="${s} quote=$?"
run open_brace; s="${s} brace=$?"
s="${s} r=${r}"
setenv bootargs "${s}"
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
