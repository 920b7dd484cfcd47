# What the scripts of the peers share. Sourced, never run; a server's own things are in $folder.

# debian PACKAGE...: installs from Debian.
debian() {
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

alive() { [ -s "$folder/pid" ] && kill -0 "$(cat "$folder/pid")" 2>/dev/null; }

# launch COMMAND...: in the background, unless it is there already.
launch() {
  if alive; then return; fi
  setsid "$@" >"$folder/server.log" 2>&1 </dev/null &
  echo $! >"$folder/pid"
}

# answers URL: waits until it does, half a minute at most; fails with the end of the log.
answers() {
  for _ in $(seq 120); do
    if curl -sf -m 2 -o /dev/null "$1"; then return; fi
    alive || break
    sleep 0.25
  done
  tail -n 15 "$folder/server.log" >&2
  return 1
}

halt() {
  if alive; then kill "$(cat "$folder/pid")"; fi
  rm -f "$folder/pid"
}
