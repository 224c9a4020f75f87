#: setenv fdt_addr_r 0x43000000
#: setenv full value
#: setenv two 'one two'
# What the shell does with statuses and with variables that are empty.
setenv s language
false; for x in; do true; done; setenv s "${s} for=$?"
false; for x in ${none}; do true; done; setenv s "${s} none=$?"
false; ${none}; setenv s "${s} empty=$?"
true; ${none}; setenv s "${s} empty=$?"
if false; then true; fi; setenv s "${s} if=$?"
if false; then true; elif false; then true; fi; setenv s "${s} elif=$?"
while false; do true; done; setenv s "${s} while=$?"
until true; do true; done; setenv s "${s} until=$?"
false; a=1; setenv s "${s} assign=$?"
a=; setenv s "${s} a=${a}."
setenv s "${s} plus=${none:+p}${full:+q}"
setenv s "${s} minus=${none:-m}${full:-n}"
setenv s "${s} equals=${none2:=e}${none2}"
setenv s "${s} plain=${full:x}"
false; for x in 1 2; do setenv s "${s} in=$?"; false; done; setenv s "${s} out=$?"
setenv full "" ${none} x; setenv s "${s} full=${full}"
setenv two a ${none} "" b; setenv s "${s} two=${two}"
true && false || true && setenv s "${s} chain"
setenv n 3; while itest ${n} > 0; do setexpr n ${n} - 1; done; setenv s "${s} loop=$?"
setenv bootargs "${s}"
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
