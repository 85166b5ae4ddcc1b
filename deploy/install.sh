#!/bin/sh
# Installs the executable of a release of Parley, after a check of its checksum. A release has this script with its own address:
#
#   curl -fsSL https://github.com/OWNER/REPOSITORY/releases/latest/download/install.sh | sh
#
# --from URL or FOLDER  where the files of a release are; by default those of the release that this script is from
# --to FOLDER           where the executable goes: ~/.local/bin, or /usr/local/bin for root
#
# What is there already is replaced in one step, and only by what is whole. Nothing else is changed on the machine.
set -eu

release=

fail() {
  printf 'install.sh: %s\n' "$1" >&2
  exit 1
}

# The executable that this machine needs.
target() {
  case $(uname -s)-$(uname -m) in
    Linux-x86_64 | Linux-amd64) echo x86_64-unknown-linux-gnu ;;
    Linux-aarch64 | Linux-arm64) echo aarch64-unknown-linux-gnu ;;
    Darwin-x86_64) echo x86_64-apple-darwin ;;
    Darwin-arm64) echo aarch64-apple-darwin ;;
    *) fail "there is no executable for $(uname -s) on $(uname -m); accepted: Linux and macOS on x86_64 and arm64; elsewhere: npx parley" ;;
  esac
}

# Puts the file $1 of the release into the folder $2.
fetch() {
  case $from in
    http://* | https://*)
      if command -v curl >/dev/null; then curl -fsSL -o "$2/$1" "$from/$1"
      elif command -v wget >/dev/null; then wget -q -O "$2/$1" "$from/$1"
      else fail "neither curl nor wget is there: install one of them"
      fi ;;
    *) cp -- "$from/$1" "$2/$1" ;;
  esac || fail "cannot get $1 from $from"
}

checksum() {
  if command -v sha256sum >/dev/null; then sha256sum -- "$1"
  elif command -v shasum >/dev/null; then shasum -a 256 -- "$1"
  else fail "neither sha256sum nor shasum is there: nothing is installed without a check"
  fi | cut -d ' ' -f 1
}

# All of it is read before any of it is done: a script that is cut off does nothing.
main() {
  from=$release to=
  while [ $# -gt 0 ]; do
    case $1 in
      --from | --to)
        [ $# -ge 2 ] || fail "$1 needs a value"
        if [ "$1" = --from ]; then from=${2%/}; else to=$2; fi
        shift 2 ;;
      *) fail "there is no option $1; accepted: --from URL or FOLDER, and --to FOLDER" ;;
    esac
  done
  [ -n "$from" ] || fail "this copy belongs to no release: name one with --from URL or FOLDER"
  if [ -z "$to" ]; then
    if [ "$(id -u)" = 0 ]; then to=/usr/local/bin; else to=$HOME/.local/bin; fi
  fi
  target=$(target)
  work=$(mktemp -d)
  fresh=
  trap 'rm -rf -- "$work" ${fresh:+"$fresh"}' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM

  fetch SHA256SUMS "$work"
  line=$(grep -e "[ *]parley-[^ /]*-$target\.tar\.gz\$" "$work/SHA256SUMS") ||
    fail "$from has no executable for $target"
  expected=${line%% *} archive=${line##*[ *]}
  fetch "$archive" "$work"
  [ "$(checksum "$work/$archive")" = "$expected" ] ||
    fail "the checksum of $archive is another one than SHA256SUMS says: nothing was installed"
  tar -xzf "$work/$archive" -C "$work" parley || fail "cannot unpack $archive"
  version=$("$work/parley" --version) || fail "the executable does not run on this machine"

  mkdir -p -- "$to" || fail "cannot make the folder $to; another one: --to FOLDER"
  fresh=$to/.parley.$$
  cp -- "$work/parley" "$fresh" || fail "cannot write into $to; another folder: --to FOLDER"
  chmod 755 "$fresh"
  mv -f -- "$fresh" "$to/parley"
  printf 'installed parley %s as %s\n' "$version" "$to/parley"
  case :$PATH: in
    *:"$to":*) ;;
    *) printf '%s is not in PATH: add it there, or run %s\n' "$to" "$to/parley" ;;
  esac
}

main "$@"
