#: setenv fdt_addr_r 0x43000000
#: disk exit.scr script exits-exit.txt
#: disk exit3.scr script exits-exit3.txt
#: disk exit-if.scr script exits-if.txt
#: disk exit-var.scr script exits-var.txt
#: setenv leave 'setenv r "${r}1"; exit 4; setenv r "${r}2"'
#: setenv leave_if 'if true; then exit 4; fi; setenv r "${r}3"'
#: setenv leave_both 'run leave; setenv r "${r}4"'
# `exit` ends the script, or the variable, that it stands in; the one that called goes on.
setenv s exits
for each in exit exit3 exit-if exit-var; do
load virtio 0 ${scriptaddr} ${each}.scr
source ${scriptaddr}
setenv s "${s} ${each}=$?"
done
run leave; setenv s "${s} leave=$?"
run leave_if; setenv s "${s} leave_if=$?"
run leave_both; setenv s "${s} leave_both=$?"
run leave leave; setenv s "${s} twice=$?"
setenv bootargs "${s} r=${r} inner=${inner}"
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
