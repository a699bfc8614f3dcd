// The program that a kit is started by: for any shell, with nothing but the shell's own commands, since a bare machine may have no others.

/** Text of the file `lockstep` in a kit; `run` is the run file in it, where there is one. */
export function startScript({ run }: { run?: string | undefined }): string {
  return `#!/bin/sh
# Lockstep on this machine, from wherever this folder lies. It writes into the working directory only, and asks no network.
set -eu
self=$0
case $self in */*) ;; *) self=$(command -v -- "$self") ;; esac
while [ -L "$self" ]; do
  link=$(readlink -- "$self")
  case $link in /*) self=$link ;; *) self=\${self%/*}/$link ;; esac
done
here=$(CDPATH= cd -- "\${self%/*}" && pwd -P)

# The kit's Vulkan loader, and where containers put NVIDIA's libraries.
libraries=$here/lib
for folder in /usr/local/nvidia/lib64 /usr/local/nvidia/lib; do
  if [ -d "$folder" ]; then libraries=$libraries:$folder; fi
done
export LD_LIBRARY_PATH="$libraries\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
# A system without the C++ library gets the kit's; one that has its own may need a newer one for its driver.
if ! "$here/bin/node" --version >/dev/null 2>&1; then export LD_LIBRARY_PATH="$LD_LIBRARY_PATH:$here/lib/cxx"; fi

# What is computed once and kept goes into the working directory; drivers keep nothing.
export LOCKSTEP_CACHE="\${LOCKSTEP_CACHE:-$PWD/runs/.cache}"
export MESA_SHADER_CACHE_DISABLE="\${MESA_SHADER_CACHE_DISABLE:-true}"
export __GL_SHADER_DISK_CACHE="\${__GL_SHADER_DISK_CACHE:-0}"
export LOCKSTEP_KIT="$here"
${run === undefined ? '' : packedRun(run)}
exec "$here/bin/node" --enable-source-maps "$here/node_modules/lockstep/bin/lockstep.js" "$@"
`;
}

/** `./lockstep train --workers 2` trains the run in the kit. */
function packedRun(run: string): string {
  return `
# The run in this kit, unless another is named.
case \${1:-} in
  train)
    shift
    case \${1:--} in
      -*) set -- train "$here/${run}" "$@" ;;
      *) set -- train "$@" ;;
    esac
    ;;
esac`;
}
