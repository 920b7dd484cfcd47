import { readFileSync } from 'node:fs'

/** Version of this package: its `package.json` stands two folders above, in the sources and in the build. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
