# Check the device trees of the kernel that is built.  In local.conf or a machine's configuration:
#
#     INHERIT += "bootmap-check"
#     BOOTMAP_OPTIONS = "--cmdline 'console=ttymxc0,115200'"     options of bootmap check
#     BOOTMAP_FATAL = "0"                                        tell, and build on
#
# bootmap is taken from the build host: HOSTTOOLS.  It runs for virtual/kernel only, behind do_compile.

HOSTTOOLS:append = " bootmap"
BOOTMAP_OPTIONS ?= ""
BOOTMAP_FATAL ?= "1"

bootmap_check() {
    status=0
    for tree in $(find ${B}/arch/arm/boot/dts -name '*.dtb'); do
        case " ${KERNEL_DEVICETREE} " in
        *" ${tree##*/boot/dts/} "* | *" ${tree##*/} "*) ;;
        *) continue ;;
        esac
        bootmap check --build ${B} ${BOOTMAP_OPTIONS} $tree || status=$?
    done
    [ $status = 0 ] || [ "${BOOTMAP_FATAL}" != 1 ] || bbfatal "bootmap: a device tree is not well (exit code $status)"
}

do_bootmap_check() {
    bootmap_check
}

python () {
    if bb.data.inherits_class("kernel", d) and (d.getVar("TARGET_ARCH") or "") == "arm":
        bb.build.addtask("do_bootmap_check", "do_deploy", "do_compile", d)
}
