#: setenv fdt_addr_r 0x43000000
#: setenv bootcmd run distro_bootcmd
#: setenv boot_targets virtio0
#: setenv boot_pci_enum true
#: setenv scan_dev_for_efi echo no EFI
#: setenv boot_a_script 'load ${devtype} ${devnum}:${distro_bootpart} ${scriptaddr} ${prefix}${script}; source ${scriptaddr}'
#: setenv boot_extlinux 'sysboot ${devtype} ${devnum}:${distro_bootpart} any ${scriptaddr} ${prefix}${boot_syslinux_conf}'
#: setenv boot_prefixes '/ /boot/'
#: setenv boot_scripts 'boot.scr.uimg boot.scr'
#: setenv boot_syslinux_conf 'extlinux/extlinux.conf'
#: setenv distro_bootcmd 'scsi_need_init=; setenv nvme_need_init; virtio_need_init=; for target in ${boot_targets}; do run bootcmd_${target}; done'
#: setenv bootcmd_virtio0 'devnum=0; run virtio_boot'
#: setenv virtio_boot 'run boot_pci_enum; run virtio_init; if virtio dev ${devnum}; then devtype=virtio; run scan_dev_for_boot_part; fi'
#: setenv virtio_init 'if ${virtio_need_init}; then virtio_need_init=false; virtio scan; fi'
#: setenv scan_dev_for_boot 'echo Scanning ${devtype} ${devnum}:${distro_bootpart}...; for prefix in ${boot_prefixes}; do run scan_dev_for_extlinux; run scan_dev_for_scripts; done;run scan_dev_for_efi;'
#: setenv scan_dev_for_boot_part 'part list ${devtype} ${devnum} -bootable devplist; env exists devplist || setenv devplist 1; for distro_bootpart in ${devplist}; do if fstype ${devtype} ${devnum}:${distro_bootpart} bootfstype; then run scan_dev_for_boot; fi; done; setenv devplist'
#: setenv scan_dev_for_scripts 'for script in ${boot_scripts}; do if test -e ${devtype} ${devnum}:${distro_bootpart} ${prefix}${script}; then echo Found U-Boot script ${prefix}${script}; run boot_a_script; echo SCRIPT FAILED: continuing...; fi; done'
#: setenv scan_dev_for_extlinux 'if test -e ${devtype} ${devnum}:${distro_bootpart} ${prefix}${boot_syslinux_conf}; then echo Found ${prefix}${boot_syslinux_conf}; run boot_extlinux; echo EXTLINUX FAILED: continuing...; fi'
#: partition
#: run bootcmd
#: disk boot/boot.scr script distro-boot.txt
# distro_bootcmd finds /boot/boot.scr on the first partition that can be booted; the script is its own file.
