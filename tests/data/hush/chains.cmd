#: setenv fdt_addr_r 0x43000000
# Which of a chain is run.
s=chains
true || setenv s "${s} 1" && setenv s "${s} 2"
false && setenv s "${s} 3" || setenv s "${s} 4"
true && false || setenv s "${s} 5" && setenv s "${s} 6"
false || true && setenv s "${s} 7" || setenv s "${s} 8"
false && true; setenv s "${s} 9=$?"
if true || false && false; then setenv s "${s} 10"; else setenv s "${s} 11"; fi
if false && true || true; then setenv s "${s} 12"; else setenv s "${s} 13"; fi
true &&
setenv s "${s} 14"
false &&
setenv s "${s} 15"
if false; then setenv s "${s} 16"; fi || setenv s "${s} 17"
if false; then true; fi && setenv s "${s} 18"
setenv bootargs "${s}"
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
