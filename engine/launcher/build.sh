#!/bin/sh
# build.sh [--sanitize]: dist/tcompose-launcher, static; or dist/tcompose-launcher-san with address and undefined-behaviour checks.
# Does nothing when the binary is newer than the sources.
set -eu
cd "$(dirname "$0")"
mkdir -p ../../dist
target=../../dist/tcompose-launcher
flags='-O2 -static'
if [ "${1-}" = --sanitize ]; then
	target=$target-san
	flags='-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer'
fi
if [ -e "$target" ] && [ -z "$(find . -newer "$target" \( -name '*.[ch]' -o -name build.sh \) -print -quit)" ]; then exit 0; fi
# To a temporary name first: a running launcher keeps its file, and a parallel build never meets half a binary.
# shellcheck disable=SC2086 # flags are several words
"${CC:-cc}" -std=gnu11 -Wall -Wextra -Werror $flags -o "$target.$$" ./*.c
mv "$target.$$" "$target"
