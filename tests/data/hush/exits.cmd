#: setenv fdt_addr_r 0x43000000
#: setenv leave 'setenv r "${r}1"; exit 4; setenv r "${r}2"'
#: setenv in_if 'if true; then exit 4; setenv r "${r}3"; fi; setenv r "${r}4-$?"'
#: setenv in_while 'while true; do exit 5; done; setenv r "${r}5-$?"'
#: setenv in_two 'if true; then if true; then exit 4; fi; setenv r "${r}6-$?"; fi; setenv r "${r}7-$?"'
#: setenv by_number 'n=6; exit ${n}; setenv r "${r}8"'
#: setenv both 'run leave; setenv r "${r}9-$?"; exit'
#: setenv chain 'exit 3 || setenv r "${r}a"; setenv r "${r}b"'
# exit in what `run` runs.
s=exits
run leave; s="${s} leave=$?"
run in_if; s="${s} if=$?"
run in_while; s="${s} while=$?"
run in_two; s="${s} two=$?"
run by_number; s="${s} number=$?"
run both; s="${s} both=$?"
run chain; s="${s} chain=$?"
run leave leave; s="${s} twice=$?"
run leave && s="${s} and"
run leave || s="${s} or"
s="${s} r=${r}"
setenv bootargs "${s}"
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
