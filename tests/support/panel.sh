#!/bin/bash
# A private desktop for tests: Xvfb, a session bus of its own, a real panel with a StatusNotifier tray. Nothing outside
# DIR is touched; any number of them run side by side.
#
#   panel.sh start DIR [nopanel]              start; afterwards `. DIR/env` gives DISPLAY, the bus, HOME and XDG_*
#   panel.sh exec  DIR CMD...                 run CMD in that desktop
#   panel.sh shot  DIR FILE.png               screenshot
#   panel.sh panel-start|panel-stop|bus-stop|bus-start|bus-freeze|display-stop DIR   faults
#   panel.sh stop  DIR                        end everything that start started (DIR stays)
set -u
verb=$1 dir=$(mkdir -p "$2" && cd "$2" && pwd); shift 2

die() { echo "panel.sh: $*" >&2; exit 1; }

# until SECONDS CMD...: polls CMD to a deadline.
until_true() { local end=$((SECONDS + $1)); shift; until "$@" >/dev/null 2>&1; do [ $SECONDS -ge $end ] && return 1; sleep 0.05; done; }

# spawn NAME CMD...: in the background, own process group, output to DIR/log/NAME, pid to DIR/pid/NAME.
spawn() { local name=$1; shift
  setsid "$@" </dev/null >>"$dir/log/$name" 2>&1 &
  echo $! >"$dir/pid/$name"; }

# end NAME: SIGTERM, 5 s, SIGKILL; only a pid that we wrote ourselves and that still is a child of our command line.
end() { local pid; pid=$(cat "$dir/pid/$1" 2>/dev/null) || return 0
  rm -f "$dir/pid/$1"
  grep -qz "^BRIDGE_TEST_DESKTOP=$dir\$" "/proc/$pid/environ" 2>/dev/null || return 0
  kill "$pid" 2>/dev/null; until_true 5 gone "$pid" || kill -9 "$pid" 2>/dev/null; }
# A zombie is gone (as pid 1's child nobody may reap it here).
gone() { ! [ -e "/proc/$1/stat" ] || grep -q '^State:.Z' "/proc/$1/status"; }

on_bus() { dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner "string:$1" 2>/dev/null | grep -q 'boolean true'; }

write_config() {
  mkdir -p "$dir"/{home,config,data,cache,state,run,log,pid,tmp} "$dir/config/xfce4/xfconf/xfce-perchannel-xml"
  chmod 700 "$dir/run"
  # No <servicedir>: nothing is started by the bus, so no test gets a helper (gvfs, at-spi, another notifier) unasked.
  cat >"$dir/bus.conf" <<X
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=$dir/run/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
X
  # configver: without it a first-run dialog. menu-is-primary: a left click opens the menu. icon-size 0: fill the bar.
  cat >"$dir/config/xfce4/xfconf/xfce-perchannel-xml/xfce4-panel.xml" <<X
<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array"><value type="int" value="1"/>
    <property name="dark-mode" type="bool" value="${DARK:-true}"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="length" type="uint" value="100"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="size" type="uint" value="${BAR:-28}"/>
      <property name="icon-size" type="uint" value="0"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/><value type="int" value="2"/></property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="separator"><property name="expand" type="bool" value="true"/><property name="style" type="uint" value="0"/></property>
    <property name="plugin-2" type="string" value="systray"><property name="square-icons" type="bool" value="true"/><property name="icon-size" type="int" value="0"/><property name="menu-is-primary" type="bool" value="true"/></property>
  </property>
</channel>
X
  cat >"$dir/env" <<X
export BRIDGE_TEST_DESKTOP='$dir' HOME='$dir/home' XDG_CONFIG_HOME='$dir/config' XDG_DATA_HOME='$dir/data' XDG_CACHE_HOME='$dir/cache'
export XDG_STATE_HOME='$dir/state' XDG_RUNTIME_DIR='$dir/run' TMPDIR='$dir/tmp' DBUS_SESSION_BUS_ADDRESS='unix:path=$dir/run/bus'
export NO_AT_BRIDGE=1 GTK_A11Y=none GSETTINGS_BACKEND=memory GIO_USE_VFS=local GDK_BACKEND=x11 LC_ALL=C.UTF-8
export XDG_DATA_DIRS=/usr/local/share:/usr/share XDG_CONFIG_DIRS=/nonexistent XDG_CURRENT_DESKTOP=XFCE
unset WAYLAND_DISPLAY XAUTHORITY SESSION_MANAGER
X
}
start_bus() { rm -f "$dir/run/bus"; spawn bus dbus-daemon --config-file="$dir/bus.conf" --nofork --nopidfile
  until_true 10 on_bus org.freedesktop.DBus || die "the bus did not come up: $(cat "$dir/log/bus")"; }
start_panel() {
  on_bus org.xfce.Xfconf || { spawn xfconfd /usr/lib/*/xfce4/xfconf/xfconfd; until_true 10 on_bus org.xfce.Xfconf || die "xfconfd: $(cat "$dir/log/xfconfd")"; }
  on_bus org.kde.StatusNotifierWatcher && return 0
  spawn panel xfce4-panel --disable-wm-check
  # the watcher is the systray plugin itself, in a wrapper process of the panel
  until_true 20 on_bus org.kde.StatusNotifierWatcher || die "no tray host: $(cat "$dir/log/panel")"; }

if [ "$verb" = start ]; then
  for p in Xvfb dbus-daemon dbus-send busctl xfce4-panel xclip xdotool import convert; do
    command -v $p >/dev/null || die "$p is not installed; 'make test' does it"
  done
  write_config; . "$dir/env"
  rm -f "$dir/display"; spawn xvfb bash -c 'exec Xvfb -displayfd 3 -screen 0 '"${SCREEN:-900x640x24}"' -nolisten tcp -noreset 3>"$0"' "$dir/display"
  until_true 20 test -s "$dir/display" || die "Xvfb: $(cat "$dir/log/xvfb")"
  echo "export DISPLAY=:$(cat "$dir/display")" >>"$dir/env"; . "$dir/env"
  start_bus
  case " $* " in *' nopanel '*) ;; *) start_panel;; esac
  exit 0
fi
[ -e "$dir/env" ] || die "$dir was never started"
. "$dir/env"
case $verb in
  exec) exec "$@";;
  shot) import -window root "$1";;
  panel-start) start_panel;;
  panel-stop) end panel;;
  bus-start) start_bus;;
  bus-stop) end bus;;
  display-stop) end xvfb;;
  bus-freeze) kill -STOP "$(cat "$dir/pid/bus")";;
  stop) kill -CONT "$(cat "$dir/pid/bus" 2>/dev/null)" 2>/dev/null; for p in panel xfconfd bus xvfb; do end $p; done;;
  *) die "unknown verb $verb";;
esac
