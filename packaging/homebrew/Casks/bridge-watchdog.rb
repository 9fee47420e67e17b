# A tap wants this file as Casks/bridge-watchdog.rb. The one that is attached to a release has the release's version,
# checksum and address in it (packaging/homebrew/cask.sh); this one is what it is made from.
cask "bridge-watchdog" do
  version "0.1.0"
  sha256 "0000000000000000000000000000000000000000000000000000000000000000"

  url "https://github.com/OWNER/bridge-watchdog/releases/download/v#{version}/Bridge-Watchdog-#{version}.zip"
  name "Bridge Watchdog"
  desc "Keeps a Telegram bridge up: looks, decides, heals, tells"
  homepage "https://github.com/OWNER/bridge-watchdog"

  # LSMinimumSystemVersion of Info.plist.
  depends_on macos: ">= :monterey"

  app "Bridge Watchdog.app"
  contents = "#{appdir}/Bridge Watchdog.app/Contents"
  binary "#{contents}/MacOS/bridge-watchdog"
  manpage "#{contents}/Resources/man/bridge-watchdog.1"
  %w[
    alert-test check clean-locks crashes demo diagnostics doctor hold install locks pause record
    recover restart resume revert run setup status tray undo-revert uninstall
  ].each { |command| manpage "#{contents}/Resources/man/bridge-watchdog-#{command}.1" }
  bash_completion "#{contents}/Resources/completions/bridge-watchdog.bash"
  zsh_completion "#{contents}/Resources/completions/_bridge-watchdog"
  fish_completion "#{contents}/Resources/completions/bridge-watchdog.fish"

  # The agent is ours; the bridge's own agent stays. Before an upgrade it is ended as well, and the person installs it
  # again, so that the version which runs is the one on disk.
  uninstall launchctl: "com.valor.bridge-watchdog",
            quit:      "com.valor.bridge-watchdog"

  # Without com.valor.bridge.plist: that may be a person's own.
  zap trash: [
    "~/Library/Application Support/bridge-watchdog",
    "~/Library/LaunchAgents/com.valor.bridge-watchdog.plist",
  ]

  caveats <<~TEXT
    To find the bridge, write the configuration and start the watch at each login:
      bridge-watchdog setup
    After an upgrade, so that the new version runs:
      bridge-watchdog install
  TEXT
end
