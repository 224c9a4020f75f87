#: setenv fdt_addr_r 0x43000000
#: setenv gone here
#: setenv kept here
#: disk uEnv.txt text imports-env.txt
#: disk crlf.txt crlf imports-crlf.txt
#: disk zero.env zeros imports-zero.txt
# A file of variables: text, text with carriage returns, text with zeros between; named variables alone; then what they run.
load virtio 0 0x45000000 uEnv.txt && env import -t 0x45000000 ${filesize}; setenv s "import=$?"
setenv s "${s} one=${one} two=${two} three=${three} gone=${gone} cut=${cut} last=${last} hash=${hash} eq=${eq}"
setenv one; setenv two
env import -t 0x45000000 ${filesize} two; setenv s "${s} only=${one},${two}"
load virtio 0 0x45000000 crlf.txt; env import -r -t 0x45000000 ${filesize}; setenv s "${s} cr=${cr1}${cr2}"
load virtio 0 0x45000000 zero.env; env import -b 0x45000000 ${filesize}; setenv s "${s} zero=${z1}${z2}"
load virtio 0 0x45000000 uEnv.txt; env import -t 0x45000000 8; setenv s "${s} short=${one}"
env import -x 0x45000000; setenv s "${s} usage=$?"
env import -b -t 0x45000000; setenv s "${s} both=$?"
setenv bootargs "${s} kept=${kept}"
if test -n "${uenvcmd}"; then run uenvcmd; fi
