#: setenv fdt_addr_r 0x43000000
# What only the newer parser has: groups, and ! before a block.
s=groups
{ setenv s "${s} 1"; false; }; setenv s "${s} 2=$?"
(setenv s "${s} 3"; true;) && setenv s "${s} 4"
{ false; } || setenv s "${s} 5"
! { false; }; setenv s "${s} 6=$?"
! if true; then false; fi; setenv s "${s} 7=$?"
! false; setenv s "${s} 8=$?"
! true; setenv s "${s} 9=$?"
if ! false; then setenv s "${s} 10"; else setenv s "${s} 11"; fi
setenv v {a} b}; setenv s "${s} 12<${v}>"
a=1 setenv v ${a}2; setenv s "${s} 13<${v}>"
setenv v $1$#$@; setenv s "${s} 14<${v}>"
setenv v ${s#x}${none-y} ${none:-z}; setenv s "${s} 15<${v}>"
for y
in k
do
s="${s} ${y}"
done
{ { setenv s "${s} 16"; } ; }
for x; do setenv s "${s} 17"; done; setenv s "${s} 18=$?"
setenv w x=1; ${w}; setenv s "${s} 19=$?"
setenv bootargs "${s}"
load virtio 0 ${kernel_addr_r} vmlinuz
load virtio 0 ${fdt_addr_r} board.dtb
bootz ${kernel_addr_r} - ${fdt_addr_r}
