#!/bin/bash
# view.sh [--user NAME] [--cover DIR]... [--bind DIR]... -- PROGRAM [ARGUMENT...]
#
# Run a program as the job user, who may not enter every folder that leads to our Python (/root is 0700).
# In a mount namespace of this process alone each DIR to cover becomes an empty folder that all may enter,
# and each DIR to bind is put back in its place. Nothing changes for the rest of the machine. This script
# becomes the program: same process id, signals arrive.
set -euo pipefail
user='' covers=() binds=()
while [ "$1" != -- ]; do
  case $1 in
    --user) user=$2 ;;
    --cover) covers+=("$2") ;;
    --bind) binds+=("$2") ;;
    *) echo "view.sh: unknown option $1" >&2; exit 2 ;;
  esac
  shift 2
done
shift
if [ -n "$user" ]; then
  set -- setpriv --reuid "$user" --regid "$user" --init-groups -- "$@"
fi
if [ ${#covers[@]} = 0 ]; then
  exec "$@"
fi
if [ -z "${RIG_VIEW_IS_PRIVATE:-}" ]; then
  options=()
  for folder in "${covers[@]}"; do options+=(--cover "$folder"); done
  for folder in "${binds[@]}"; do options+=(--bind "$folder"); done
  RIG_VIEW_IS_PRIVATE=1 exec unshare --mount --propagation private "$0" "${options[@]}" -- "$@"
fi
unset RIG_VIEW_IS_PRIVATE
here=$PWD
descriptors=()
for folder in "${binds[@]}"; do
  exec {descriptor}<"$folder" # keeps hold of it while its path is covered
  descriptors+=("$descriptor")
done
for folder in "${covers[@]}"; do
  mount -t tmpfs -o mode=0755,size=16m tmpfs "$folder"
done
for index in "${!binds[@]}"; do
  descriptor=${descriptors[index]}
  mkdir -p "${binds[index]}"
  mount --no-canonicalize --bind "/proc/self/fd/$descriptor" "${binds[index]}"
  exec {descriptor}<&-
done
# Enter the folder anew, through the mounts; the old one would still be the covered one.
cd "$here" 2>/dev/null || cd /
exec "$@"
