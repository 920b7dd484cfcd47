/** Why names cannot be those of columns side by side; undefined where SQL tells them all apart. */
export function differentNames(names: readonly string[]): string | undefined {
  const seen = new Map<string, string>()
  for (const name of names) {
    // SQL names are alike whatever their case
    const other = seen.get(name.toLowerCase())
    if (other === name) return `two columns are called '${name}'`
    if (other !== undefined) return `the columns '${other}' and '${name}' differ in case only`
    seen.set(name.toLowerCase(), name)
  }
  return undefined
}
