#!/usr/bin/env bash
# podman with runc for the peer tests. There is nothing to start: it has no daemon.
#   podman.sh install           from Debian, when it is not there yet
#   podman.sh flags             prints the global flags that work without systemd and without overlay mounts
#   podman.sh check             succeeds when containers can be made here
set -euo pipefail

flags="--storage-driver vfs --runtime runc --cgroup-manager cgroupfs"

case ${1:?install, flags or check} in
  install)
    if ! command -v podman >/dev/null || ! command -v runc >/dev/null; then
      apt-get update -qq
      DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends podman runc >/dev/null
    fi
    ;;
  flags) echo "$flags" ;;
  # shellcheck disable=SC2086
  check) podman $flags info >/dev/null ;;
  *)
    echo "install, flags or check" >&2
    exit 2
    ;;
esac
