#: setenv fdt_addr_r 0x43000000
# while and until; a loop whose condition has two commands.
setenv bootargs loops
setenv n 3
while itest ${n} > 0; do
  setenv bootargs ${bootargs} n=${n}
  setexpr n ${n} - 1
done
until test "${n}" = 2
do setexpr n ${n} + 1; setenv bootargs "${bootargs} to${n}"; done
while true && test "${n}" != 4; do setexpr n ${n} + 1; for word in a b; do setenv bootargs ${bootargs} ${word}${n}; done; done
while false; do setenv bootargs never; done
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
