import { distance } from '../internal/nearest.ts'
import { table } from './table.ts'

/** The verbs as a person looks for them: getting started first, then along the loop. */
const groups: readonly (readonly [title: string, verbs: readonly string[]])[] = [
  ['Start', ['init', 'demo', 'doctor', 'up']],
  ['Data and features', ['validate', 'features']],
  ['From other tools', ['import']],
  ['Models', ['train', 'models', 'onnx', 'reproduce']],
  ['Serving', ['deploy', 'rollout', 'undeploy', 'monitor', 'score']],
  ['What happened and why', ['runs', 'explain', 'lineage', 'decisions', 'explain-error']],
  ['Containers and CI', ['image', 'k8s', 'ci']],
  ['Keys and access', ['keys', 'audit', 'token']],
]

const belongs = (verb: string, word: string): boolean => verb === word || verb.startsWith(`${word} `)

function lines(verbs: readonly string[]): string[] {
  const width = Math.max(20, ...verbs.map(verb => verb.length)) + 2
  return verbs.map(verb => `  ${verb.padEnd(width)}${table[verb]?.summary ?? ''}`)
}

/** Help from the table alone: no command is loaded for it. */
export function overview(version: string): string {
  const named = new Set<string>()
  const parts = groups.map(([title, words]) => {
    const verbs = Object.keys(table).filter(verb => words.some(word => belongs(verb, word)))
    for (const verb of verbs) named.add(verb)
    return `${title}\n${lines(verbs).join('\n')}`
  })
  const rest = Object.keys(table).filter(verb => !named.has(verb))
  if (rest.length > 0) parts.push(`Further\n${lines(rest).join('\n')}`)
  return `millrace ${version}: validate, features, train, test, ONNX, canary, drift, retrain.

Usage: millrace <command> [arguments] [--json]

${parts.join('\n\n')}

"millrace <command> --help" says more about one. Every command takes --json.
Exit codes: 0 well, 1 a check or gate said no, 2 used or configured wrongly, 3 something outside failed.
`
}

export function groupHelp(word: string): string | undefined {
  const verbs = Object.keys(table).filter(verb => verb.startsWith(`${word} `))
  return verbs.length === 0 ? undefined : `Usage: millrace ${word} <command>\n\n${lines(verbs).join('\n')}\n`
}

/** The nearest verb or group, when it is near enough to be what was meant. */
export function nearestVerb(words: readonly string[]): string | undefined {
  const candidates = [...new Set(Object.keys(table).flatMap(verb => [verb, verb.split(' ')[0] as string]))]
  const given = [words.slice(0, 2).join(' '), words[0] ?? '']
  let best: { verb: string; score: number } | undefined
  for (const verb of candidates)
    for (const text of given) {
      const score = distance(text, verb)
      if (score <= Math.max(1, Math.floor(verb.length / 3)) && (!best || score < best.score)) best = { verb, score }
    }
  return best?.verb
}
