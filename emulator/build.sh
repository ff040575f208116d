#!/bin/sh
# Builds what the devices rpi4-emulated and rpi5-emulated run on: Debian's arm64 userland, as Raspberry Pi OS has it
# (bookworm and trixie), and a static qemu-user of at least version 10, whose /proc/cpuinfo is that of the processor
# it emulates. Beside it QEMU 7.2, the last of Debian's that takes plugins, with count.c, which counts instructions; that
# one needs a C compiler. Cached; half a minute and 0.6 GB. Its programs run as the calling user, under proot; nothing is
# installed on this machine.
set -eu

here=$(dirname "$0")
out=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/edgeall/emulator}
packages=python3,libstdc++6,dash,coreutils,tar,gzip

missing=
for tool in mmdebstrap proot; do
    command -v "$tool" >/dev/null || missing="$missing $tool"
done
[ -x /usr/sbin/sshd ] || missing="$missing openssh-server"
if [ -n "$missing" ]; then
    echo "emulator: missing$missing; on Debian or Ubuntu: sudo apt-get install$missing" >&2
    exit 2
fi

# root NAME SUITE ARCHITECTURE PACKAGES: unpacked, none of its scripts run; there once it is whole.
root() {
    if [ -d "$out/$1" ]; then
        return
    fi
    echo "emulator: $1 ($2, $3)"
    rm -rf "$out/.$1" && mkdir -p "$out"
    mmdebstrap --quiet --arch="$3" --variant=extract --include="$4" "$2" "$out/.$1"
    # Where a release keeps everything below /usr, the links that its own scripts would have made.
    for folder in bin sbin lib; do
        [ -e "$out/.$1/$folder" ] || ln -s "usr/$folder" "$out/.$1/$folder"
    done
    mkdir -p "$out/.$1/root" "$out/.$1/proc" "$out/.$1/dev" "$out/.$1/sys"
    mv "$out/.$1" "$out/$1"
}

own=$(dpkg --print-architecture)
root qemu trixie "$own" qemu-user
root bookworm bookworm arm64 "$packages"
root trixie trixie arm64 "$packages"
root counter bookworm "$own" qemu-user
if ! command -v "${CC:-cc}" >/dev/null; then
    echo "emulator: no C compiler, so instructions will not be counted; on Debian or Ubuntu: sudo apt-get install gcc" >&2
elif [ ! "$out/counter/count.so" -nt "$here/count.c" ]; then
    "${CC:-cc}" -O2 -Wall -Wextra -shared -fPIC -o "$out/counter/.count.so" "$here/count.c"
    mv "$out/counter/.count.so" "$out/counter/count.so"
fi
echo "emulator: ready in $out"
