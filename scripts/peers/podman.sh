#!/usr/bin/env bash
# podman with runc for the peer tests. There is nothing to start: it has no daemon.
#   podman.sh install           from Debian, when it is not there yet
#   podman.sh flags             prints the global flags that work without systemd and without overlay mounts
#   podman.sh check             succeeds when containers can be made here
set -euo pipefail
. "$(dirname "$0")/lib.sh"

flags="--storage-driver vfs --runtime runc --cgroup-manager cgroupfs"

case ${1:?install, flags or check} in
  install)
    { command -v podman && command -v runc; } >/dev/null || debian podman runc
    ;;
  flags) echo "$flags" ;;
  # shellcheck disable=SC2086
  check) podman $flags info >/dev/null ;;
  *)
    echo "install, flags or check" >&2
    exit 2
    ;;
esac
