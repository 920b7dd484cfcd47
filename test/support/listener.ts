import type { Listener } from '../../src/app/use-case.ts'

/** Somebody who listens to a use case, with what was said: a chapter as `# …`, a warning as `! …`. */
export function listening(): { readonly said: string[]; readonly listener: Listener } {
  const said: string[] = []
  return {
    said,
    listener: {
      chapter: title => said.push(`# ${title}`),
      say: text => said.push(text),
      warn: text => said.push(`! ${text}`),
    },
  }
}
