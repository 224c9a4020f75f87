#: setenv fdt_addr_r 0x43000000
#: setenv board_name second
# What hush does, and a shell does not.
setenv bootargs 'one'
false && setenv bootargs "${bootargs} never" || setenv bootargs "${bootargs} neither"
true || false && setenv bootargs "${bootargs} no"
if test "${board_name}" = "first"; then setenv bootargs "${bootargs} first"
elif test "${board_name}" != "third" -a -n "${bootargs}"; then setenv bootargs "${bootargs} second"
else setenv bootargs third; fi
setenv spaces "a  b"
setenv bootargs ${bootargs} ${spaces} "${spaces}" '$spaces' a\
b ${none:-default}${none:+not} # not this
for n in 1 ${spaces} "2 3"; do setenv bootargs ${bootargs},$n; done
local=here
setenv bootargs ${bootargs} $local$nowhere $?
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
if test -n "${ramdisk}"; then bootz ${kernel_addr_r} ${ramdisk} ${fdt_addr_r}; else bootz ${kernel_addr_r} - ${fdt_addr_r}; fi
echo not reached ; fi
