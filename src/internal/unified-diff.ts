interface Change {
  readonly kind: ' ' | '-' | '+'
  readonly line: string
}

const context = 3
/** Beyond this many pairs of lines the middle is replaced as one block. */
const maxPairs = 4_000_000

/** The longest common subsequence of lines as changes. */
function changes(a: readonly string[], b: readonly string[]): Change[] {
  let head = 0
  while (head < a.length && head < b.length && a[head] === b[head]) head++
  let tail = 0
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++
  const same = (lines: readonly string[]): Change[] => lines.map(line => ({ kind: ' ', line }))
  const middle = between(a.slice(head, a.length - tail), b.slice(head, b.length - tail))
  return [...same(a.slice(0, head)), ...middle, ...same(a.slice(a.length - tail))]
}

function between(a: readonly string[], b: readonly string[]): Change[] {
  const removed: Change[] = a.map(line => ({ kind: '-', line }))
  const added: Change[] = b.map(line => ({ kind: '+', line }))
  if (a.length === 0 || b.length === 0 || a.length * b.length > maxPairs) return [...removed, ...added]
  const width = b.length + 1
  const common = new Uint32Array((a.length + 1) * width)
  const at = (i: number, j: number) => common[i * width + j] as number
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
  const found: Change[] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      found.push({ kind: ' ', line: a[i++] as string })
      j++
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) found.push(removed[i++] as Change)
    else found.push(added[j++] as Change)
  }
  return found
}

/** Lines with their ends, so that a file without a last one differs from a file with it. */
const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? []

/** What makes one text another, as `diff -u` and `git apply` write and read it. Empty where they are the same. */
export function unifiedDiff(before: string, after: string, name: string): string {
  const all = changes(linesOf(before), linesOf(after))
  const near = all.map((_, i) => all.slice(Math.max(0, i - context), i + context + 1).some(one => one.kind !== ' '))
  let [line, newLine] = [1, 1]
  let hunk: { from: number; newFrom: number; changes: Change[] } | undefined
  let text = ''
  const close = () => {
    if (!hunk) return
    const size = (kind: '-' | '+') => (hunk?.changes ?? []).filter(one => one.kind === ' ' || one.kind === kind).length
    const place = (from: number, length: number) => `${length === 0 ? from - 1 : from},${length}`
    const body = hunk.changes.map(
      one => `${one.kind}${one.line.endsWith('\n') ? one.line : `${one.line}\n\\ No newline at end of file\n`}`,
    )
    text += `@@ -${place(hunk.from, size('-'))} +${place(hunk.newFrom, size('+'))} @@\n${body.join('')}`
    hunk = undefined
  }
  for (const [i, change] of all.entries()) {
    if (near[i]) (hunk ??= { from: line, newFrom: newLine, changes: [] }).changes.push(change)
    else close()
    if (change.kind !== '+') line++
    if (change.kind !== '-') newLine++
  }
  close()
  return text === '' ? '' : `--- a/${name}\n+++ b/${name}\n${text}`
}
