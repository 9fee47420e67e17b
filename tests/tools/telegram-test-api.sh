#!/bin/sh
# telegram-test-api in target/telegram-test-api, made once: a Bot API that nobody here wrote, for `make campaign`. Where there
# is no npm and none can be installed, or no package index can be reached, the test that needs it says that it is skipped.
set -eu
cd "$(dirname "$0")/../.."
wanted=tests/tools/telegram-test-api
there=target/telegram-test-api
# Whole only with this copy in it: an install that was broken off is made again, and so is an older one.
cmp -s $wanted/package-lock.json $there/installed.json && exit 0

command -v npm >/dev/null || tests/tools/packages.sh nodejs npm || true
command -v npm >/dev/null || { echo "there is no npm, so the test with telegram-test-api is skipped" >&2; exit 0; }
echo "installing telegram-test-api into $there" >&2
rm -rf $there
mkdir -p $there
cp $wanted/package.json $wanted/package-lock.json $there
# None of its packages needs a script of its own to be installed.
if (cd $there && npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error >&2); then
    cp $wanted/package-lock.json $there/installed.json
else
    echo "telegram-test-api can't be installed, so the test with it is skipped" >&2
fi
