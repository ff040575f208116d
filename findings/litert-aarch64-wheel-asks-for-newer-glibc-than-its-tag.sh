#!/usr/bin/env bash
# ai-edge-litert 2.3.0 for aarch64 is tagged manylinux_2_27, and its libraries ask for symbols of glibc 2.34.
#
# Expected: a wheel's platform tag is kept, as it is by the same release's x86-64 wheel (nothing above glibc 2.27).
# Seen:     libraries of the aarch64 wheel need GLIBC_2.34 and GLIBCXX_3.4.30 (GCC 12). So pip installs it on a board
#           with glibc 2.31 (Debian 11), where importing it fails.
# Exit:     0 while this is so, 1 when it changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
command -v readelf >/dev/null || { echo "needs readelf (binutils)"; exit 2; }

highest() {  # wheel platform, kind of symbol version
  local at=$folder/$1
  if [ ! -d "$at" ]; then
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.11 \
      --implementation cp --platform "$1" -d "$at" ai-edge-litert==2.3.0
    (cd "$at" && python3 -m zipfile -e ./*.whl .)
  fi
  find "$at" -name '*.so*' -exec readelf -VW {} + 2>/dev/null | grep -oE "Name: $2_[0-9.]+" | grep -oE '[0-9][0-9.]*$' | sort -Vu | tail -n 1
}

arm=manylinux_2_27_aarch64 intel=manylinux_2_27_x86_64
echo "aarch64: glibc $(highest $arm GLIBC), GLIBCXX $(highest $arm GLIBCXX)"
echo "x86-64:  glibc $(highest $intel GLIBC), GLIBCXX $(highest $intel GLIBCXX)"
[ "$(highest $arm GLIBC)" = 2.34 ] && [ "$(highest $arm GLIBCXX)" = 3.4.30 ] && [ "$(highest $intel GLIBC)" = 2.27 ]
