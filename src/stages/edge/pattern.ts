/**
 * Patterns mean what RegExp means, on every engine; where a model is taken to, RegExp itself searches. It stands in the place of
 * `define/expression/pattern.ts` in an exported folder, which carries the engine that is linear in the text.
 */
export function linearSearch(text: string): (value: string) => boolean {
  const end = text.lastIndexOf('/')
  const pattern = new RegExp(text.slice(1, end), text.slice(end + 1))
  return value => pattern.test(value)
}
