/** Flags of docker and podman by which what a container writes belongs to who started it. */
export function userFlags(program: string): readonly string[] {
  const [user, group] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0]
  // Without root, podman would give our files to another user of the container.
  const keep = user !== 0 && program.includes('podman') ? ['--userns', 'keep-id'] : []
  return [...keep, '--user', `${user}:${group}`]
}
