# user_manager.sh DIR: a private `systemd --user` that lives in DIR and sees nothing of the machine's units. Prints the
# manager's pid. Ends everything when its standard input is closed, and so also when the test that has it open is
# killed.
set -eu
dir=$1
tree=/sys/fs/cgroup/unified # hybrid layout: systemd tracks units here and mirrors them in name=systemd
[ -d $tree ] || tree=/sys/fs/cgroup
name=bridge-watchdog-test-$$
groups=$tree/$name
[ $tree = /sys/fs/cgroup ] || [ ! -d /sys/fs/cgroup/systemd ] || groups="$groups /sys/fs/cgroup/systemd/$name"

finish() {
    # Forks that left their session, a bridge that ignores SIGTERM, a stopped manager: the kernel ends them all.
    echo 1 > "$tree/$name/cgroup.kill" || true
    wait
    tries=0
    for group in $groups; do
        # What was killed stays in its group until it is reaped.
        while [ -d "$group" ] && ! find "$group" -depth -type d -exec rmdir {} + 2> "$dir/rmdir.log"; do
            tries=$((tries + 1))
            [ $tries -lt 300 ] || { cat "$dir/rmdir.log" >&2; exit 1; }
            sleep 0.05
        done
    done
}
trap finish EXIT
mkdir $groups

# Without these few a unit's default dependencies are missing; with the machine's own, its sockets would start agents.
mkdir -p "$dir/units" "$dir/home/.config/systemd/user"
mkdir -m 700 "$dir/run"
unit() { printf '[Unit]\nDescription=%s\nDefaultDependencies=no\n%b' "$1" "${2-}" > "$dir/units/$1"; }
unit sysinit.target
unit basic.target 'Requires=sysinit.target\nAfter=sysinit.target\n'
unit shutdown.target
unit default.target 'Requires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n'
unit exit.target 'AllowIsolate=yes\nRequires=shutdown.target\nAfter=shutdown.target\nSuccessAction=exit-force\n'
for each in sockets timers paths; do unit $each.target; done

# A user manager refuses to run where /run/systemd/system is missing: it gets one in a mount namespace of its own (64m
# is a bound, not a cost; daemon-reload is refused under 16 MiB free). Without a log target it writes to the machine's
# console.
sh -c '
    for group in $2; do echo $$ > "$group/cgroup.procs"; done
    exec env -i HOME="$1/home" XDG_RUNTIME_DIR="$1/run" XDG_CONFIG_HOME="$1/home/.config" PATH=/usr/bin:/bin LC_ALL=C \
        SYSTEMD_UNIT_PATH="$1/home/.config/systemd/user:$1/run/systemd/user:$1/units" \
        SYSTEMD_GENERATOR_PATH="$1/none" SYSTEMD_ENVIRONMENT_GENERATOR_PATH="$1/none" \
        unshare --mount --propagation private sh -c "
            [ -d /run/systemd/system ] || { mount -t tmpfs -o mode=755,size=64m tmpfs /run/systemd && mkdir /run/systemd/system; } || exit 1
            exec \"\$@\"" sh "$3" --user --unit=default.target --log-target=null
' sh "$dir" "$groups" "$2" < /dev/null > "$dir/manager.log" 2>&1 &
echo $!
exec 1>&-
cat > "$dir/stdin.log"
