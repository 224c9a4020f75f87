#!/bin/sh
# Buildroot: check the device trees of a build against its own kernel.  A post-image script:
#
#     BR2_ROOTFS_POST_IMAGE_SCRIPT="board/you/post-image-bootmap.sh"
#     BR2_ROOTFS_POST_SCRIPT_ARGS="--cmdline 'console=ttymxc0,115200'"     options of bootmap check
#
# Buildroot calls it with the folder of the images, then these arguments, and sets BUILD_DIR.  The build stops where a
# board does not boot or has an error.  bootmap must be on the PATH of the host.
set -eu
images=${1:?the folder of the images, as Buildroot gives it}
shift
linux=$(find "${BUILD_DIR:?Buildroot sets it}" -maxdepth 1 -type d -name 'linux-[0-9c]*' ! -name 'linux-headers*' | head -n 1)
[ -n "$linux" ] || { echo "bootmap: no kernel in $BUILD_DIR" >&2; exit 1; }
found=0
for tree in "$images"/*.dtb; do
    [ -e "$tree" ] || continue
    found=1
    bootmap check --build "$linux" "$@" "$tree"
done
[ "$found" = 1 ] || echo "bootmap: no device tree in $images"
