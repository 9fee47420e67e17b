#!/bin/sh
# A Python with Telethon in target/telethon-venv, made once. Where no package index can be reached the tests that need it
# say that they are skipped: the product itself needs no Python.
set -eu
cd "$(dirname "$0")/../.."
venv=target/telethon-venv
wanted=tests/tools/telethon.txt
# Whole only with this copy in it: an install that was broken off is made again, and so is an older one.
cmp -s $wanted $venv/installed.txt && exit 0

# The system's own, as the tests take it.
python=/usr/bin/python3
[ -x $python ] || python=python3
command -v $python >/dev/null || { echo "there is no python3, so the tests with Telethon are skipped" >&2; exit 0; }
echo "installing Telethon into $venv" >&2
mkdir -p target
if $python -m venv --clear $venv && $venv/bin/python -m pip -q --disable-pip-version-check install --no-deps -r $wanted; then
    cp $wanted $venv/installed.txt
else
    echo "Telethon can't be installed, so the tests with it are skipped" >&2
fi
